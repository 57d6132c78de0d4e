//! Servers that nobody here wrote, as the Go module proxy has them.

use crate::go::Released;

pub const NATS: Released = Released {
    name: "nats-server",
    module: "github.com/nats-io/nats-server/v2",
    release: "v2.10.22",
    directory: ".",
    cgo: false,
};

pub const CADDY: Released = Released {
    name: "caddy",
    module: "github.com/caddyserver/caddy/v2",
    release: "v2.11.9",
    directory: "cmd/caddy",
    cgo: false,
};

pub const COREDNS: Released = Released {
    name: "coredns",
    module: "github.com/coredns/coredns",
    release: "v1.15.0",
    directory: ".",
    cgo: false,
};

pub const VICTORIA_METRICS: Released = Released {
    name: "victoria-metrics",
    module: "github.com/VictoriaMetrics/VictoriaMetrics",
    release: "v1.152.0",
    directory: "app/victoria-metrics",
    cgo: true,
};
