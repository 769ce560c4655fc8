import Foundation
package import JSON
import Mustache

/// The pages as text: every template and asset of this target, read once.
///
/// A room of its own, so that what a browser shows can be made and tested without HTTP and a database: views of the
/// domain go in, text comes out. Templates see JSON (`PageNode`) and have no way to write anything unescaped: the test
/// of the templates refuses `{{{` and `{{&`. A reference, because there is one set of them however many hold it.
package final class Pages: Sendable {
    private let library: MustacheLibrary
    package let assets: PageAssets
    /// What templates asked for in vain.
    package let slips = PageSlips()

    /// - Throws: when a template cannot be read; the tests render every one.
    package init() throws {
        PageText.register()
        var templates: [String: MustacheTemplate] = [:]
        for file in Templates.files {
            // The library's own escaping overlooks some text (`PageText`), and each partial begins with it anew.
            templates[Self.name(of: file.path)] = try MustacheTemplate(
                string: PageText.pragma + (file.text.hasSuffix("\n") ? String(file.text.dropLast()) : file.text))
        }
        library = MustacheLibrary(templates: templates)
        assets = PageAssets()
    }

    /// A page by the name of its template, which is its file's without folder and ending.
    package func render(_ page: String, _ model: JSONValue) -> String {
        let root = PageRoot(model)
        guard let text = library.render(root, withTemplate: page) else {
            preconditionFailure("there is no template '\(page)'")
        }
        slips.note(root.missed, in: page)
        return text
    }

    private static func name(of path: String) -> String {
        let file = path.split(separator: "/").last ?? ""
        return String(file.prefix { $0 != "." })
    }
}
