import Foundation

/// Time since it was made: on the wall, and of all processors for this process.
struct Stopwatch {
    private let start = ContinuousClock.now
    private let used = Self.processorTime

    var seconds: Double { Self.seconds(ContinuousClock.now - start) }
    var processorSeconds: Double { Self.processorTime - used }

    private static var processorTime: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    }
}
