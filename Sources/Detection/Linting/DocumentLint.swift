import Yams

/// Looks at a document that could be read for what is most likely not meant.
struct DocumentLint {
    let file: String
    let placeholders: PlaceholderValues
    private(set) var warnings: [SigmaWarning] = []

    init(file: String, placeholders: PlaceholderValues) {
        self.file = file
        self.placeholders = placeholders
    }

    mutating func warn(_ check: SigmaWarning.Check, _ reason: String, at line: Int?) {
        warnings.append(SigmaWarning(file: file, line: line, check: check, reason: reason))
    }

    mutating func look(at document: Node) {
        lookAtMembers(of: document)
        guard let members = document.mapping else { return }
        if members["correlation"] != nil { lookAtCorrelation(document) }
        let logsource = members["logsource"].map {
            Logsource(product: $0.text("product"), category: $0.text("category"), service: $0.text("service"))
        }
        let fields = logsource.flatMap(LogsourceFields.of)
        if let detection = members["detection"] {
            lookAtSearches(in: detection, besides: ["condition"], logsource, fields)
        }
        if let filter = members["filter"] {
            lookAtSearches(in: filter, besides: ["condition", "rules"], logsource, fields)
        }
        warnings.sort { ($0.line ?? 0) < ($1.line ?? 0) }
    }
}
