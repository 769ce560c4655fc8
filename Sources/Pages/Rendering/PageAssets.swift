package import Events

/// Stylesheet, scripts and pictures, by file name.
package struct PageAssets: Sendable {
    package struct Asset: Sendable, Hashable {
        package var text: String
        package var mediaType: String
        /// Of the text: what an address that may be kept for ever names.
        package var digest: Digest
    }

    private let assets: [String: Asset]

    init() {
        var assets: [String: Asset] = [:]
        for file in Assets.files {
            let name = file.path.split(separator: "/").last.map(String.init) ?? file.path
            assets[name] = Asset(
                text: file.text, mediaType: Self.mediaType(of: name), digest: .sha256(Array(file.text.utf8)))
        }
        self.assets = assets
    }

    package subscript(name: String) -> Asset? { assets[name] }
    package var names: [String] { assets.keys.sorted() }

    /// Changes with the text, so that a browser may keep what it has.
    package func address(of name: String) -> String {
        "/static/\(name)?v=\(assets[name]?.digest.text.dropFirst("sha256:".count).prefix(12) ?? "")"
    }

    private static func mediaType(of name: String) -> String {
        if name.hasSuffix(".css") { return "text/css; charset=utf-8" }
        if name.hasSuffix(".js") { return "text/javascript; charset=utf-8" }
        return "image/svg+xml"
    }
}
