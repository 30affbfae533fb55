package file

// BeforeMark has every Put from now on call f when its data is written and its
// mark is not; nil ends that.
func (s *Store) BeforeMark(f func() error) { s.beforeMark = f }

// NewFile is where content is written before it is renamed to its name.
const NewFile = newFile
