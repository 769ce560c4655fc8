enum CasePageRoutes {
    static var all: [Endpoint] { [] }
}
