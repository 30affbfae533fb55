//go:build race

package rotation

// raceDetector says that this run is ten times slower; nothing here runs in two
// goroutines, so large worlds would show nothing more.
const raceDetector = true
