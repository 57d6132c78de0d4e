//! Well-known Go servers as they are released, under bounded load: they answer rightly all the time, and the
//! report makes sense.

mod caddy;
mod coredns;
mod counted; // without a limit: every probe on all the time
mod defended; // the findings that docs/real-servers.md defends
mod http;
mod judged; // within the default limit: what the rules say
mod load;
mod nats;
mod server;
mod victoria;
