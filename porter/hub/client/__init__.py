"""The client of the Hub: uploads and pull requests. It imports porter.base and the runtime's bounded transfers."""
