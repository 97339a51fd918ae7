//! The world of the tests. `names`, `script`, `wire` and `world` need an allocator and no
//! operating system: images of examples/boards run the kit in the same world.
#![allow(dead_code, reason = "each test uses a part")]

extern crate alloc;

pub(crate) mod frames;
pub(crate) mod keep;
pub(crate) mod names;
pub(crate) mod script;
pub(crate) mod wire;
pub(crate) mod world;

/// Runs a test where its memories, made on the stack, fit.
pub(crate) fn roomy(test: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let name = std::thread::current().name().unwrap_or("test").to_owned();
        let thread = std::thread::Builder::new().name(name).stack_size(64 << 20);
        let outcome = thread.spawn_scoped(scope, test).expect("a thread").join();
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
    });
}
