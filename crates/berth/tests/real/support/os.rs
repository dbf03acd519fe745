//! Operating systems that tests build: what they need, and how they are asked what every guest is asked.

/// `mark_shutdown` and the tests agree on the file that it makes.
#[derive(Debug)]
pub struct Os {
    /// Below `templates/`.
    pub recipe: &'static str,
    pub memory_mib: u64,
    pub disk_gib: u64,
    pub show_resolvers: &'static str,
    /// Makes the guest write `/root/went-down` whenever it is told to shut down.
    pub mark_shutdown: &'static str,
}

pub const MICRO: Os = Os {
    recipe: "micro",
    memory_mib: 192,
    disk_gib: 2,
    show_resolvers: "cat /etc/resolv.conf",
    // Before the lines that unmount; init reads its table again at a hang-up.
    mark_shutdown: "sed -i '1i ::shutdown:/bin/touch /root/went-down' /etc/inittab; kill -HUP 1; sync",
};

pub const DEBIAN: Os = Os {
    recipe: "debian-12",
    memory_mib: 640,
    disk_gib: 4,
    show_resolvers: "cat /run/systemd/resolve/resolv.conf",
    mark_shutdown: "printf '[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStart=/bin/true\\n\
                    ExecStop=/bin/touch /root/went-down\\n[Install]\\nWantedBy=multi-user.target\\n' \
                    >/etc/systemd/system/mark.service && systemctl -q enable --now mark && sync",
};
