import EventLog

// Of Cases, only the event types: both modules have a `SealedMember`.
import enum Cases.EventType

extension SealingCatalogue {
    /// What the domain lists, as the log wants it.
    static func ofDomain() throws -> SealingCatalogue {
        var members: [String: [SealedMember]] = [:]
        for type in EventType.allCases {
            members[type.rawValue] = try type.personalMembers.map { member in
                switch member.subject {
                case .item: try SealedMember(pointer: member.pointer, subject: .item)
                case .entity: try SealedMember(pointer: member.pointer, subject: .entity)
                }
            }
        }
        return SealingCatalogue(members)
    }
}
