import Events
import HTTPTypes
import Hummingbird
import JSON
import Pages

/// Stylesheet, scripts and pictures, from memory. The address carries a digest of the text, so a browser that has it
/// need not ask again.
struct StaticRoutes: Sendable {
    let services: ServerServices

    func register(on router: Router<DocketContext>) {
        router.get("/static/{name}") { request, context in
            guard let name = context.parameters.get("name"), let asset = services.pages.assets[name] else {
                throw Problem(.notFound, "There is no such file.")
            }
            let isNamed = services.pages.assets.address(of: name).hasSuffix(request.uri.query ?? "none")
            return Reply(
                .ok, bytes: Array(asset.text.utf8), mediaType: asset.mediaType,
                headers: PageAnswer.headers + [
                    .cacheControl: isNamed ? "public, max-age=31536000, immutable" : "no-cache",
                    .eTag: "\"\(asset.digest.text)\"",
                ]
            ).response
        }
    }
}
