//! Whose batch is next. Pure.

use crate::domain::Priority;

/// Work that waits, by priority: the most urgent first, and among equals the one that has waited longest. Each item is
/// taken for one batch and put back, so that a more urgent one overtakes at the next batch.
#[derive(Debug)]
pub struct Schedule<T> {
    waiting: Vec<Waiting<T>>,
    next: u64,
}

#[derive(Debug)]
struct Waiting<T> {
    priority: Priority,
    since: u64,
    item: T,
}

impl<T> Default for Schedule<T> {
    fn default() -> Self {
        Self { waiting: Vec::new(), next: 0 }
    }
}

impl<T> Schedule<T> {
    /// Puts an item in, behind all of its priority.
    pub fn put(&mut self, priority: Priority, item: T) {
        self.waiting.push(Waiting { priority, since: self.next, item });
        self.next += 1;
    }

    /// Takes the item whose turn it is.
    pub fn take(&mut self) -> Option<(Priority, T)> {
        let best = self
            .waiting
            .iter()
            .enumerate()
            .max_by_key(|(_, waiting)| (waiting.priority, std::cmp::Reverse(waiting.since)))
            .map(|(position, _)| position)?;
        let taken = self.waiting.swap_remove(best);
        Some((taken.priority, taken.item))
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_urgent_overtake_and_equals_take_turns() {
        let mut schedule = Schedule::default();
        schedule.put(Priority::Warning, "storm a");
        schedule.put(Priority::Warning, "storm b");
        let (priority, item) = schedule.take().expect("two wait");
        assert_eq!(item, "storm a");
        schedule.put(priority, item);
        schedule.put(Priority::LifeThreat, "earthquake");
        let order: Vec<_> = std::iter::from_fn(|| schedule.take()).map(|(_, item)| item).collect();
        assert_eq!(order, ["earthquake", "storm b", "storm a"]);
    }
}
