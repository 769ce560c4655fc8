package import Cases
package import Events
package import JSON

/// What stands around every page: who looks, where they are, and as of which position.
package struct PageFrame: Sendable {
    /// The parts of the site that the bar leads to.
    package enum Place: String, Sendable, Hashable, CaseIterable {
        case queue, approvals, figures, history

        var path: String { self == .queue ? "/" : "/\(rawValue)" }
        var label: String { self == .figures ? "Metrics" : Words.sentence(rawValue) }

        /// Whether somebody with these roles is led there.
        package func isOpen(to roles: Set<Role>) -> Bool {
            !roles.isDisjoint(with: self == .figures ? ReadMetrics.roles : ReadCases.roles)
        }
    }

    /// For the browser's window.
    package var title: String
    package var place: Place?
    package var viewer: Principal?
    /// The last position that the page speaks of: where the live stream goes on. `nil` for a page that does not move.
    package var position: Int64?
    /// How the page takes what is new: by itself, or by saying that there is something and waiting to be asked.
    package enum Following: String, Sendable, Hashable { case page, rows }

    package var follows: Following
    /// Limits the live stream to a case.
    package var caseID: String?
    package var now: Instant
    /// The stop switch is on for the whole tenant.
    package var isHalted = false

    package init(
        title: String, place: Place?, viewer: Principal?, position: Int64? = nil, follows: Following = .page,
        caseID: String? = nil, now: Instant
    ) {
        self.title = title
        self.place = place
        self.viewer = viewer
        self.position = position
        self.follows = follows
        self.caseID = caseID
        self.now = now
    }

    /// What concerns cases: on a page about them, only this is followed.
    private static let streamed = EventType.allCases.map(\.rawValue).filter { type in
        [
            "case.", "gate.", "approval.", "run.", "step.", "rollback.", "sla.", "evidence.", "learning.",
            "containment.", "review.", "owner.",
        ].contains(where: type.hasPrefix)
    }

    /// A page's model with the frame around it.
    package func model(_ page: JSONValue, assets: PageAssets) -> JSONValue {
        var model = page
        let roles = viewer?.roles ?? []
        model["frame"] = [
            "title": .string(title), "place": .string(place?.rawValue ?? ""),
            "styles": .string(assets.address(of: "docket.css")),
            "script": .string(assets.address(of: "docket.js")),
            "theme_script": .string(assets.address(of: "theme.js")),
            "icon": .string(assets.address(of: "icon.svg")),
            "subject": viewer.map { .string($0.identity.subject) } ?? .null,
            "roles": .string(roles.map { Words.sentence($0.rawValue) }.sorted().joined(separator: ", ")),
            "position": position.map(JSONValue.integer) ?? .null,
            "follows": .string(follows.rawValue), "has_position": .bool(position != nil),
            "case_id": caseID.map(JSONValue.string) ?? .null,
            "stream_types": .string(position == nil ? "" : Self.streamed.joined(separator: ",")),
            "is_halted": .bool(isHalted),
            "places": .array(
                Place.allCases.filter { $0.isOpen(to: roles) }.map {
                    [
                        "path": .string($0.path), "label": .string($0.label), "name": .string($0.rawValue),
                        "is_current": .bool($0 == place),
                    ]
                }),
        ]
        return model
    }
}
