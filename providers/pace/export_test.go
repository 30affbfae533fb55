package pace

// Len returns how many Paces are kept.
func (ps *Paces) Len() int {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return len(ps.named)
}
