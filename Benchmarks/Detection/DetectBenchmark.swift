import Detection
import Foundation
import Gzip
import JSON

/// Detection on recorded events, by log source: `docket-bench-detect [FOLDER]`, the folder of the shared data.
///
/// Everything lies in memory and one thread works, and its processor time is counted, so that a line is about the work
/// and not about files or scheduling.
/// The stages are measured by going only so far: what reading costs, reading and naming, and all of it. Each round begins
/// with an evaluator that has seen nothing. Beside it, on the same bytes in the same run: what it takes to find the line
/// ends, which nobody can go below, and to read the records with Foundation's parser, which is what most programs do
/// before they begin to match.
@main
struct DetectBenchmark {
    private static let rounds = 5

    static func main() throws {
        guard let data = SharedData.folder(CommandLine.arguments.dropFirst().first) else {
            print("The shared data is not there: name its folder, or set DOCKET_SHARED_DATA.")
            exit(69)
        }
        let start = ContinuousClock.now
        let rules = try data.rules()
        print(
            "\(rules.count) rules read in \(tenths(seconds(ContinuousClock.now - start))) s; medians of \(rounds) rounds, one core"
        )
        print(heading)
        for (product, logsource) in [
            ("windows", Logsource(product: "windows")), ("aws", Logsource(product: "aws", service: "cloudtrail")),
        ] {
            let set = RuleSet(rules: rules.filter { $0.logsource.product == product })
            let streams = try data.streams(product)
            guard !streams.isEmpty else { continue }
            var all = Stream(name: "all of \(product)")
            for stream in streams.sorted(by: { $0.bytes.count > $1.bytes.count }) {
                report(stream, set, logsource)
                all.append(stream)
            }
            report(all, set, logsource)
            compare(all, set, logsource)
        }
    }

    private static var heading: String {
        column("log source", 38) + "   events  bytes each   events/s      MB/s   parse normalize match   matches"
    }

    private static func report(_ stream: Stream, _ set: RuleSet, _ logsource: Logsource) {
        var times: [EventEvaluator.Stage: [Double]] = [:]
        var matches = 0
        func run(_ stage: EventEvaluator.Stage) -> Int {
            var evaluator = EventEvaluator(set, logsource: logsource)
            return stream.run(&evaluator, upTo: stage)
        }
        _ = run(.match)  // makes the engines
        for _ in 0..<rounds {
            for stage in EventEvaluator.Stage.allCases {
                times[stage, default: []].append(time { matches = run(stage) })
            }
        }
        let parse = median(times[.parse] ?? [])
        let normalize = median(times[.normalize] ?? [])
        let all = median(times[.match] ?? [])
        func share(_ time: Double) -> String { pad("\(Int((max(0, time) / all * 100).rounded())) %", 7) }
        print(
            column(stream.name, 38) + pad("\(stream.places.count)", 9)
                + pad("\(stream.bytes.count / max(1, stream.places.count))", 12)
                + pad("\(Int(Double(stream.places.count) / all))", 11)
                + pad("\(Int(Double(stream.bytes.count) / all / 1e6))", 10) + share(parse)
                + share(normalize - parse) + share(all - normalize) + pad("\(matches)", 9))
    }

    /// The limit and the peer, beside the whole evaluation.
    private static func compare(_ stream: Stream, _ set: RuleSet, _ logsource: Logsource) {
        var ours: [Double] = []
        var lines: [Double] = []
        var foundation: [Double] = []
        var sum = 0
        for _ in 0..<rounds {
            ours.append(
                time {
                    var evaluator = EventEvaluator(set, logsource: logsource)
                    sum += stream.run(&evaluator, upTo: .match)
                })
            lines.append(time { sum += stream.lineCount })
        }
        // Some thousand records are enough to know the rate of what is slow.
        let sample = stream.first(20_000)
        for _ in 0..<3 { foundation.append(time { sum += sample.readWithFoundation() }) }
        let rate = Double(stream.places.count) / median(ours)
        let limit = Double(stream.places.count) / median(lines)
        let peer = Double(sample.places.count) / median(foundation)
        print(
            "  finding line ends \(Int(limit)) events/s: ratio \(hundredths(rate / limit));   reading with JSONSerialization, "
                + "nothing matched, \(Int(peer)) events/s: ratio \(hundredths(rate / peer))")
        precondition(sum > 0, "nothing was done")
    }

    /// Seconds of processor time of this thread: what else runs on the machine counts less.
    private static func time(_ body: () -> Void) -> Double {
        func now() -> Double {
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
        }
        let start = now()
        body()
        return now() - start
    }

    private static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    }

    private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
    private static func tenths(_ value: Double) -> Double { (value * 10).rounded() / 10 }
    private static func hundredths(_ value: Double) -> Double { (value * 100).rounded() / 100 }
    private static func column(_ text: String, _ width: Int) -> String {
        text.padding(toLength: width, withPad: " ", startingAt: 0)
    }
    private static func pad(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
