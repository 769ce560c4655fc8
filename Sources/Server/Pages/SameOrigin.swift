import HTTPTypes
import Hummingbird

/// Whether a request was made by a page of this very site. A cookie goes along with whatever a browser sends, so what
/// changes something on its strength must show where it comes from.
enum SameOrigin {
    /// - Parameter isStrict: whether a request that says nothing about its origin is refused. Browsers say it with
    ///   everything but GET and HEAD; other programs, which hold no cookie of anybody's, may say nothing.
    /// - Throws: `foreign-origin`, 403.
    static func check(_ request: Request, isStrict: Bool) throws(Problem) {
        if let site = request.headers[.secFetchSite], site != "same-origin" { throw refusal }
        if let origin = request.headers[.origin] {
            guard let authority = request.head.authority, !authority.isEmpty,
                ["http://\(authority)", "https://\(authority)"].contains(origin.lowercased())
                    || ["http://\(authority.lowercased())", "https://\(authority.lowercased())"].contains(
                        origin.lowercased())
            else { throw refusal }
        } else if isStrict, request.headers[.secFetchSite] == nil {
            throw refusal
        }
    }

    private static let refusal = Problem(
        .foreignOrigin,
        "A session's cookie may change something only from a page of this server. Programs send a token as Authorization: Bearer."
    )
}
