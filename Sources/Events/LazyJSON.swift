package import JSON
import Synchronization

/// A JSON value that is parsed when somebody first looks at it: most readers of the log look at few of its payloads.
///
/// The bytes were skimmed by whoever made it (`JSONSkimmer`), so parsing cannot fail.
package final class LazyJSON: Sendable {
    private enum State {
        case unread(bytes: [UInt8], range: Range<Int>)
        case read(JSONValue)
    }

    private let state: Mutex<State>

    /// - Parameter range: where in the bytes the value stands, as `JSONSkimmer` found it.
    package init(_ bytes: [UInt8], _ range: Range<Int>) {
        state = Mutex(.unread(bytes: bytes, range: range))
    }

    package var value: JSONValue {
        state.withLock { state in
            switch state {
            case .read(let value): return value
            case .unread(let bytes, let range):
                let value: JSONValue
                do {
                    value = try JSONValue.parseEvidence(
                        Array(bytes[range]), limits: JSONLimits(depth: .max, members: .max)
                    ).value
                } catch {
                    preconditionFailure("what was skimmed is not JSON: \(error)")
                }
                state = .read(value)
                return value
            }
        }
    }
}
