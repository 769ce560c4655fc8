import Foundation
import ServiceLifecycle

/// Gives memory back to the system after large work. The allocator keeps what was freed, by thread, for work that may never
/// come again: a batch of ten thousand alerts would stay in the process for ever.
struct MemoryReturn: Service {
    /// Growth since the last time that is worth the walk through the allocator's lists.
    private static let growthBytes = 24 << 20
    private static let interval: Duration = .seconds(2)

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var settled = Self.residentBytes
            var before = settled
            while !Task.isCancelled {
                do {
                    try await Task.sleep(for: Self.interval)
                } catch {
                    return  // told to end
                }
                let now = Self.residentBytes
                // While work goes on it would be taken again at once.
                if now - settled >= Self.growthBytes, now - before < Self.growthBytes / 4 {
                    _ = Self.trim?(0)
                    settled = Self.residentBytes
                    before = settled
                } else {
                    settled = min(settled, now)
                    before = now
                }
            }
        }
    }

    /// malloc_trim(3), where the C library has it; no header that Swift imports declares it.
    private static let trim: (@convention(c) (Int) -> Int32)? = {
        guard let symbol = dlsym(nil, "malloc_trim") else { return nil }
        return unsafeBitCast(symbol, to: (@convention(c) (Int) -> Int32).self)
    }()

    /// Pages of this process that are in memory (proc(5), `statm`); 0 where that cannot be read.
    private static var residentBytes: Int {
        let text = String(decoding: FileManager.default.contents(atPath: "/proc/self/statm") ?? Data(), as: UTF8.self)
        let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}
