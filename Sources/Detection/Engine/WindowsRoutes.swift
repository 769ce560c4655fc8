/// Which rules a Windows event meets, by its channel and event id (`WindowsLogsource`).
struct WindowsRoutes: Sendable {
    private struct Channel: Sendable {
        var eventIDs: ByteTable
        /// Slots by event id, and for every other.
        var slots: [Int]
        var otherwise: Int
    }

    private let names: ByteTable
    private let channels: [Channel]
    /// For a channel that no rule is about.
    private let otherwise: Int
    private let eventID: Int32
    /// All slots to which records may be sent.
    var slots: [Int] { channels.flatMap { $0.slots + [$0.otherwise] } + [otherwise] }

    init(_ groups: [RuleSet.Group], _ names: FieldNames, _ slots: EngineSlots) {
        var onEvery: [Int] = []
        var byChannel: [[UInt8]: [Int]] = [:]
        for (place, group) in groups.enumerated() {
            guard let windows = group.windows else { continue }
            if windows.channels.isEmpty { onEvery.append(place) }
            for channel in windows.channels { byChannel[EventText(channel).folded, default: []].append(place) }
        }
        func slot(_ members: [Int]) -> Int { slots.number(of: Array(Set(members + onEvery)).sorted()) }
        let texts = byChannel.keys.sorted { $0.lexicographicallyPrecedes($1) }
        channels = texts.map { text in
            let members = byChannel[text] ?? []
            let unconditional = members.filter { groups[$0].windows?.eventIDs.isEmpty == true }
            let ids = Set(members.flatMap { groups[$0].windows?.eventIDs ?? [] }).sorted()
            return Channel(
                eventIDs: ByteTable(ids.map { Array($0.utf8) }),
                slots: ids.map { id in
                    slot(unconditional + members.filter { groups[$0].windows?.eventIDs.contains(id) == true })
                }, otherwise: slot(unconditional))
        }
        self.names = ByteTable(texts)
        otherwise = slot([])
        eventID = names.number(of: "EventID") ?? -1
    }

    /// Adds the slots for a record, each once. One that names several channels or event ids belongs to all of them.
    func route(channel: Int32, _ table: inout EventTable, _ record: Span<UInt8>, into chosen: inout [Int]) {
        func add(_ slot: Int) {
            if !chosen.contains(slot) { chosen.append(slot) }
        }
        var isNamed = false
        var place = table.first[Int(channel)]
        while place >= 0 {
            let entry = table.entries[Int(place)]
            if entry.kind == .text {
                let range = table.folded(Int(place), in: record)
                let number = names.number(of: table.text.span, range)
                if number >= 0 {
                    isNamed = true
                    route(channels[number], &table, record, add)
                }
            }
            place = entry.next
        }
        if !isNamed { add(otherwise) }
    }

    private func route(_ channel: Channel, _ table: inout EventTable, _ record: Span<UInt8>, _ add: (Int) -> Void) {
        var isNamed = false
        var place = eventID < 0 ? -1 : table.first[Int(eventID)]
        while place >= 0 {
            let entry = table.entries[Int(place)]
            if entry.kind == .text {
                let range = table.raw(Int(place), in: record)
                let number = channel.eventIDs.number(of: table.text.span, range)
                if number >= 0 {
                    isNamed = true
                    add(channel.slots[number])
                }
            }
            place = entry.next
        }
        if !isNamed { add(channel.otherwise) }
    }
}
