import Cases
package import EventLog

extension SealingCatalogue {
    /// What the domain lists as personal, and how large its events may be, in the log's terms.
    package static var domain: SealingCatalogue {
        get throws {
            var members: [String: [SealedMember]] = [:]
            for type in EventType.allCases {
                members[type.rawValue] = try type.personalMembers.map { member in
                    try SealedMember(pointer: member.pointer, subject: member.subject == .entity ? .entity : .item)
                }
            }
            return SealingCatalogue(
                members,
                bytesMaximum: Dictionary(
                    EventType.allCases.compactMap { type in type.bytesMaximum.map { (type.rawValue, $0) } }
                ) { first, _ in first })
        }
    }
}
