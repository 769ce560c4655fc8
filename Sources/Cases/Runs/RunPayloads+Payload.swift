package import Runs

extension RunStarted: Payload {
    package static var type: EventType { .runStarted }
}

extension RollbackRequested: Payload {
    package static var type: EventType { .rollbackRequested }
}
