import Events
import Foundation

/// A token as its holder has it: `dkt_` and base64url (RFC 4648 §5, no padding) of tenant, token id and secret.
///
/// Has no description on purpose: the secret must not slip into a log by interpolation.
struct TokenText: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    static let prefix = "dkt_"
    static let secretBytes = 32

    let tenant: UUID
    let id: UUID
    let secret: [UInt8]

    init(tenant: UUID, id: UUID, secret: [UInt8]) {
        self.tenant = tenant
        self.id = id
        self.secret = secret
    }

    /// - Returns: `nil` for any text that is not exactly one that `text` gives.
    init?(_ text: String) {
        guard text.hasPrefix(Self.prefix), text.utf8.count == Self.prefix.utf8.count + 86 else { return nil }
        let base64 =
            String(text.dropFirst(Self.prefix.count)).replacing("-", with: "+").replacing("_", with: "/") + "=="
        guard let data = Data(base64Encoded: base64), data.count == 64 else { return nil }
        let bytes = Array(data)
        guard let tenant = UUID(bytes: Array(bytes[0..<16])), let id = UUID(bytes: Array(bytes[16..<32])) else {
            return nil
        }
        self.init(tenant: tenant, id: id, secret: Array(bytes[32...]))
        // Base64 leaves bits unused at the end; two texts for one token would be two ways in.
        guard self.text == text else { return nil }
    }

    var text: String {
        Self.prefix
            + Data(tenant.bytes + id.bytes + secret).base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    var description: String { "\(Self.prefix)…" }
    var debugDescription: String { description }
}
