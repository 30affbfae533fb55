// Package file keeps secrets as files in one directory: the store that keyrota
// brings along, for trying out and for air gaps. Whoever can read the
// directory can read the keys, and a backup of it holds them; where there is a
// secrets manager, use that.
//
// A secret is one file of mode 0600, its path the file's name below the
// directory, which must be ours and closed to everyone else. A destination
// with a field is a string in a file that is a JSON object; the rest of the
// file stays byte for byte. Marks lie in a folder .keyrota beside each secret,
// where readers do not look.
//
// A file is replaced at once: written to .keyrota/new, synced, renamed. Should
// a crash leave that file behind, with a key in it, the next pass removes it.
// One lock on the directory (flock, so on a local disk) makes compare and set
// one step for all processes of a machine; a person with an editor is no such
// process, and is noticed afterwards.
//
// It knows the file system, package providers, and nothing of configuration
// files or the engine.
package file
