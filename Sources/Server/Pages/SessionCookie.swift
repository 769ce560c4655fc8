import HTTPTypes

/// The cookie that holds a session's value (RFC 6265bis): HttpOnly, SameSite=Strict, for this host alone, and Secure
/// where the browser came by https, which behind a proxy only `X-Forwarded-Proto` tells. A liar there gains nothing:
/// the cookie is then merely not sent over http.
enum SessionCookie {
    private static let name = "docket_session"
    private static let secureName = "__Host-docket_session"

    static func value(in headers: HTTPFields) -> String? {
        for field in headers[values: .cookie] {
            for pair in field.split(separator: ";") {
                let parts = pair.split(separator: "=", maxSplits: 1)
                guard parts.count == 2 else { continue }
                if [name, secureName].contains(parts[0].trimmed) { return parts[1].trimmed }
            }
        }
        return nil
    }

    /// - Parameter seconds: how long the browser keeps it; 0 takes it away.
    static func text(_ value: String, seconds: Int64, isSecure: Bool) -> String {
        "\(isSecure ? secureName : name)=\(value); Path=/; Max-Age=\(seconds); HttpOnly; SameSite=Strict"
            + (isSecure ? "; Secure" : "")
    }

    static func isSecure(_ headers: HTTPFields) -> Bool {
        headers[.xForwardedProto]?.split(separator: ",").first?.trimmed.lowercased() == "https"
    }
}
