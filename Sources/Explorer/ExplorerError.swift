/// Why a request is not answered with what it asks for.
struct ExplorerError: Error {
    let status: ExplorerResponse.Status
    let message: String

    init(_ status: ExplorerResponse.Status, _ message: String) {
        self.status = status
        self.message = message
    }
}
