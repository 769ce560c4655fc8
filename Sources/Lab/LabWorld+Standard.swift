import JSON

extension LabWorld {
    /// The world a lab begins with: the objects of the contract's example and a few neighbours that nothing should
    /// ever touch.
    package static let standard: LabWorld = {
        do {
            return try LabWorld(state: standardState)
        } catch {
            preconditionFailure("the standard world is no valid world: \(error)")
        }
    }()

    private static let standardState: JSONValue = [
        "hosts": [
            "web-1": ["isolated": false, "network_policies": ["default"], "sessions": 2],
            "web-2": ["isolated": false, "network_policies": ["default"], "sessions": 1],
            "db-1": ["isolated": false, "network_policies": ["default", "database"], "sessions": 4],
        ],
        "users": [
            "jdoe": ["enabled": true, "groups": ["dev"]],
            "asmith": ["enabled": true, "groups": ["dev", "ops"]],
        ],
        "tokens": [
            "tok-1": ["active": true, "owner": "jdoe", "scopes": ["repo:read"], "issued": 1],
            "tok-2": ["active": true, "owner": "asmith", "scopes": ["repo:read", "repo:write"], "issued": 1],
        ],
        "secrets": ["db": ["version": 1], "signing": ["version": 3]],
        "security_groups": [
            "sg-0a1": [
                "environment": "production",
                "rules": [
                    [
                        "direction": "ingress", "protocol": "tcp", "from_port": 22, "to_port": 22,
                        "cidr": "0.0.0.0/0",
                    ]
                ],
            ],
            "sg-0b2": [
                "environment": "staging",
                "rules": [
                    [
                        "direction": "ingress", "protocol": "tcp", "from_port": 443, "to_port": 443,
                        "cidr": "0.0.0.0/0",
                    ],
                    [
                        "direction": "ingress", "protocol": "tcp", "from_port": 22, "to_port": 22,
                        "cidr": "198.51.100.0/24",
                    ],
                ],
            ],
        ],
        "pods": [
            "shop/miner-7": [
                "running": true, "isolated": false, "processes": ["xmrig"], "image": "shop:1.2", "snapshots": [],
            ],
            "shop/web-1": [
                "running": true, "isolated": false, "processes": ["nginx"], "image": "shop:1.2", "snapshots": [],
            ],
        ],
        "namespaces": ["ns-01": ["isolated": false], "ns-02": ["isolated": false]],
        "tickets": .object([:]), "notifications": [], "blocked_ips": [],
    ]
}
