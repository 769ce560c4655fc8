import Foundation
import ServiceLifecycle

/// Ends when the process that started this one has ended, in whatever way: a `kill -9` tells nobody.
///
/// (`PR_SET_PDEATHSIG` would fire when the parent's thread that forked ends, which is another thing.)
struct ParentWatch: Service {
    let parent: Int32

    func run() async throws {
        await cancelWhenGracefulShutdown {
            // An orphan gets another parent.
            while getppid() == parent {
                do {
                    try await Task.sleep(for: .milliseconds(200))
                } catch {
                    return  // told to end
                }
            }
        }
    }
}
