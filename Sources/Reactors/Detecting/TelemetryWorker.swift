import Detection
import Events
import Intake
import JSON

/// One core's part of an evaluation.
///
/// Nearly all records are held against the rules as they lie in the body, and nothing is made of them. Only where a rule
/// holds, or somebody has to look first what a record is, it is read as a value.
struct TelemetryWorker {
    private let origin: TelemetryOrigin
    private let rules: ActiveRules
    private let receivedAt: Instant
    /// For records that can be judged as they stand.
    private var plain: EventEvaluator?
    private let plainLogsource: Logsource
    /// For records that were read.
    private var evaluators: [Logsource: EventEvaluator] = [:]
    private var result: TelemetryEvaluation

    /// - Parameter looksAtEach: reads every record as a value: slow, and what the quick way is held against.
    init(origin: TelemetryOrigin, rules: ActiveRules, receivedAt: Instant, looksAtEach: Bool = false) {
        self.origin = origin
        self.rules = rules
        self.receivedAt = receivedAt
        result = TelemetryEvaluation(ruleCount: rules.set.ruleCount)
        plainLogsource = origin.logsource ?? TelemetrySource.windows.logsource.completed
        if !looksAtEach, let signs = origin.plainSigns {
            plain = EventEvaluator(rules.set, logsource: plainLogsource, signs: signs)
        }
    }

    mutating func evaluate(_ body: [UInt8], _ places: ArraySlice<Range<Int>>) -> TelemetryEvaluation {
        for place in places {
            guard place.count <= TelemetryReader.recordBytes else {
                take(Array(body[place]))
                continue
            }
            switch plain?.evaluatePlain(body.span.extracting(place)) {
            case .some(false): result.received += 1
            case .some(true): takeMatched(Array(body[place]), plain?.found.map { rules.set.match($0) } ?? [])
            case nil: take(Array(body[place]))
            }
        }
        if let plain { result.statistics += plain.statistics }
        for evaluator in evaluators.values { result.statistics += evaluator.statistics }
        return result
    }

    /// A record for which rules hold, by what was seen of it already.
    private mutating func takeMatched(_ item: [UInt8], _ matches: [RuleMatch]) {
        for read in TelemetryReader.records(in: item, source: origin.source) {
            result.received += 1
            switch read {
            case .success(let record): note(record, matches, event(of: record, plainLogsource), plainLogsource)
            case .failure(let broken): result.broken.append(broken)
            }
        }
    }

    private mutating func take(_ item: [UInt8]) {
        for read in TelemetryReader.records(in: item, source: origin.source) {
            result.received += 1
            switch read {
            case .success(let record):
                if let problem = problem(record) {
                    result.broken.append(BrokenRecord(bytes: record.bytes, error: problem))
                } else if let logsource = origin.logsource ?? record.source?.logsource.completed {
                    let event = event(of: record, logsource)
                    let matches = matches(of: event, logsource)
                    if !matches.isEmpty { note(record, matches, event, logsource) }
                }
            case .failure(let broken): result.broken.append(broken)
            }
        }
    }

    private mutating func matches(of event: DetectionEvent, _ logsource: Logsource) -> [RuleMatch] {
        var evaluator = evaluators.removeValue(forKey: logsource) ?? EventEvaluator(rules.set, logsource: logsource)
        evaluator.evaluate(event)
        let matches = evaluator.found.map { rules.set.match($0) }
        evaluators[logsource] = evaluator
        return matches
    }

    private func event(of record: RawRecord, _ logsource: Logsource) -> DetectionEvent {
        DetectionEvent(
            record.source?.subject(of: record.value) ?? record.value, logsource: logsource,
            extracted: record.source?.extractedFields(of: record.value) ?? [:])
    }

    private mutating func note(
        _ record: RawRecord, _ matches: [RuleMatch], _ event: DetectionEvent, _ logsource: Logsource
    ) {
        let digest = Digest.sha256(record.bytes)
        let fields = rules.correlations.fields(for: matches.map(\.ruleID), of: event)
        result.matched.append(
            TelemetryEvaluation.Matched(
                record: record, digest: digest, rules: matches,
                normalized: TelemetryNormalizer.normalizeAny(record, rawDigest: digest, receivedAt: receivedAt),
                fields: .object(fields.mapValues { .array($0.map { .string($0) }) }), logsource: logsource))
    }

    private func problem(_ record: RawRecord) -> FieldError? {
        if record.bytes.count > TelemetryReader.recordBytes {
            return FieldError(
                "", .length,
                "a record holds at most \(TelemetryReader.recordBytes) bytes, not \(record.bytes.count)")
        }
        if origin.logsource == nil, record.source == nil {
            return FieldError(
                "", .format, "nothing in the record tells where it is from: name its product and service")
        }
        return nil
    }
}

extension TelemetryOrigin {
    /// By which signs a record is one of this origin that can be judged as it stands; `nil` where none can.
    ///
    /// What is refused is what `TelemetryReader` and `TelemetrySource` would look into: documents of many records, records
    /// inside of others, lines with fields in their text.
    var plainSigns: RecordSigns? {
        switch source {
        case .windows: return RecordSigns()
        case .cloudtrail: return RecordSigns(needs: ["eventName"], refuses: ["Records"])
        case .kubernetes: return RecordSigns(refuses: ["items"])
        case .sshd: return nil
        case nil:
            // Only Windows events tell by themselves, quickly, what they are.
            guard logsource != nil else {
                return RecordSigns(
                    needs: ["EventID"], oneOf: ["Channel", "SourceName", "ProviderName"],
                    refuses: ["apiVersion", "kind", "eventSource", "Records"], mustBeFlat: true)
            }
            return RecordSigns(
                refuses: ["Records", "items", "event.eventName", "detail.eventName"] + TelemetrySource.sshdSigns)
        }
    }
}
