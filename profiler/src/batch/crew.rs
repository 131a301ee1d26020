//! Tasks over worker threads, each with an engine of its own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use common::{Error, Result};

/// Does `tasks` with at most `workers` threads: each makes an engine and takes the next task until none is left. `done` gets every
/// result on this thread, in no fixed order.
///
/// # Errors
/// The first of an engine or a task; the other threads then stop at their next task.
pub(crate) fn run<T: Sync, E, R: Send>(
    workers: usize,
    tasks: &[T],
    engine: impl Fn() -> Result<E> + Sync,
    work: impl Fn(&mut E, &T) -> Result<R> + Sync,
    mut done: impl FnMut(&T, R),
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    let (engine, work) = (&engine, &work);
    std::thread::scope(|scope| {
        for _ in 0..workers.clamp(1, tasks.len().max(1)) {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                let work = || -> Result<()> {
                    let mut engine = engine()?;
                    while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if sender.send(Ok((task, work(&mut engine, task)?))).is_err() {
                            break;
                        }
                    }
                    Ok(())
                };
                if let Err(error) = work() {
                    // The others stop at their next task; the receiver is gone only where all is lost already.
                    next.store(tasks.len(), Ordering::Relaxed);
                    let _ = sender.send(Err(error));
                }
            });
        }
        drop(sender);
        let mut finished = 0;
        for message in receiver {
            let (task, result) = message?;
            done(task, result);
            finished += 1;
        }
        if finished < tasks.len() {
            return Err(Error::retry("a worker stopped before its work was done"));
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_is_done_once_whatever_the_workers() {
        let tasks: Vec<usize> = (0..50).collect();
        for workers in [1, 3, 100] {
            let mut results = vec![0; 50];
            let done = |&task: &usize, result: usize| results[task] += result;
            run(workers, &tasks, || Ok(1), |one, task| Ok(task + *one), done).unwrap();
            assert!(
                results
                    .iter()
                    .zip(1..)
                    .all(|(&result, expected)| result == expected)
            );
        }
    }

    #[test]
    fn the_error_of_a_task_is_that_of_the_run() {
        let work = |(): &mut (), task: &usize| match task {
            7 => Err(Error::data("the seventh")),
            _ => Ok(()),
        };
        let tasks: Vec<usize> = (0..50).collect();
        let failed = run(2, &tasks, || Ok(()), work, |_, ()| ()).unwrap_err();
        assert!(failed.to_string().contains("the seventh"));
    }
}
