//! The workers: each is started again when it has ended, with what the engines know and nothing else.

use std::sync::Arc;
use std::time::Duration;

use eco_coder_worker::backends::cpu::CpuPool;
use eco_coder_worker::consumer::Consumer;
use eco_coder_worker::model::Model;
use eco_coder_worker::review::Reviewer;
use eco_coder_worker::service;
use tokio::sync::watch;
use tokio::time::sleep;

use super::github::ItsGitHub;
use super::model::ItsModel;
use super::process::Process;
use super::queue::ItsQueue;
use super::store::ItsStore;
use super::world::World;

/// How many there are.
const WORKERS: usize = 2;

/// Starts them.
pub fn start(world: &Arc<World>) {
    for number in 1..=WORKERS {
        tokio::spawn(work(Arc::clone(world), number));
    }
}

fn reviewer(process: &Arc<Process>) -> Reviewer {
    let world = &process.world;
    let model = world.has_model.then(|| Arc::new(ItsModel(Arc::clone(process))) as Arc<dyn Model>);
    let store = Arc::new(ItsStore(Arc::clone(process)));
    let transport = Arc::new(ItsGitHub(Arc::clone(process)));
    let mut reviewer =
        service::reviewer(&world.config.worker, store, transport, process.env(), model).expect("what reviews");
    let code = Arc::into_inner(reviewer.inspector.backends.code).expect("nobody else's");
    reviewer.inspector.backends.code = Arc::new(code.on(CpuPool::on_the_spot()));
    reviewer
}

async fn work(world: Arc<World>, number: usize) {
    for life in 1_u32.. {
        let process = Process::new(&world, format!("worker-{number}.{life}"), true);
        world.began(&process);
        process.note(|| "begins".to_owned());
        let queue = Arc::new(ItsQueue(Arc::clone(&process)));
        let settings = service::consumer_settings(&world.config.worker);
        let consumer = Consumer::new(queue, Arc::new(reviewer(&process)), process.env(), settings);
        let (tell, stop) = watch::channel(false);
        {
            let mut run = std::pin::pin!(consumer.run(stop));
            loop {
                tokio::select! {
                    biased;
                    () = process.gone() => break,
                    () = process.asked_to_end() => {
                        tell.send_replace(true);
                    }
                    () = &mut run => {
                        process.note(|| "has ended as it was asked to".to_owned());
                        break;
                    }
                }
            }
        }
        // What still runs of it, runs no more.
        process.end();
        sleep(world.throw(|dice| dice.millis(200, 4_000)).max(Duration::from_millis(1))).await;
    }
}
