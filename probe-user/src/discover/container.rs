//! The container of a process, from the path of its cgroup.
//!
//! Every runtime puts the 64 hexadecimal digits of the container's identifier into it: docker
//! (`docker-ID.scope`, `/docker/ID`), containerd (`cri-containerd-ID.scope`, `…:cri-containerd:ID`), CRI-O
//! (`crio-ID.scope`), podman (`libpod-ID.scope`), Kubernetes with cgroupfs (`/kubepods/…/podUID/ID`).

const ID_DIGITS: usize = 64;

/// Returns the identifier of the innermost container in the text of `/proc/PID/cgroup`, version 1 or 2.
pub(super) fn container_id(cgroup: &str) -> Option<String> {
    cgroup
        .lines()
        // hierarchy:controllers:path (cgroups(7)); a path may hold colons itself.
        .filter_map(|line| line.splitn(3, ':').nth(2))
        .find_map(|path| path.rsplit('/').find_map(id_in_component))
        .map(str::to_owned)
}

fn id_in_component(component: &str) -> Option<&str> {
    let name = component.strip_suffix(".scope").unwrap_or(component);
    // The monitor beside the container, not the container.
    if name.contains("-conmon-") {
        return None;
    }
    let id = name.rsplit([':', '-']).next()?;
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (id.len() == ID_DIGITS && id.bytes().all(is_digit)).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4f0c2d1b6a5e4f0c2d1b6a5e4f0c2d1b6a5e4f0c2d1b6a5e4f0c2d1b6a5e0123";

    #[test]
    fn every_runtime_is_recognised() {
        let paths = [
            format!("0::/system.slice/docker-{ID}.scope"),
            format!("12:memory:/docker/{ID}\n0::/"),
            format!("0::/../{ID}"),
            format!(
                "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice/cri-containerd-{ID}.scope"
            ),
            format!("0::/kubepods.slice/kubepods-pod1.slice/crio-{ID}.scope/container"),
            format!("3:cpu:/kubepods/besteffort/pod0a1b-22/{ID}"),
            format!("0::/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:{ID}"),
            format!(
                "0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope/container"
            ),
            format!("0::/machine.slice/libpod-{ID}.scope"),
        ];
        for path in paths {
            assert_eq!(container_id(&path).as_deref(), Some(ID), "{path}");
        }
    }

    #[test]
    fn innermost_of_nested_containers_is_returned() {
        let outer = ID.replace('0', "1");
        let text = format!("0::/docker/{outer}/docker/{ID}");
        assert_eq!(container_id(&text).as_deref(), Some(ID));
    }

    #[test]
    fn ordinary_processes_have_none() {
        for text in [
            "",
            "0::/",
            "0::/user.slice/user-0.slice/session-1.scope",
            "0::/system.slice/nginx.service",
            "no colons",
            &format!("0::/machine.slice/libpod-conmon-{ID}.scope"),
            &format!("0::/docker/{}", &ID[1..]),
            &format!("0::/docker/{}", ID.to_uppercase()),
        ] {
            assert_eq!(container_id(text), None, "{text}");
        }
    }
}
