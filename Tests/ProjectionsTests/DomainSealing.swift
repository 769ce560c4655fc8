import Cases
import EventLog

extension SealingCatalogue {
    /// What the domain lists as personal, as the log wants it.
    static func ofDomain() throws -> SealingCatalogue {
        var members: [String: [SealedMember]] = [:]
        for type in EventType.allCases {
            members[type.rawValue] = try type.personalMembers.map { member in
                try SealedMember(pointer: member.pointer, subject: member.subject == .entity ? .entity : .item)
            }
        }
        return SealingCatalogue(members)
    }
}
