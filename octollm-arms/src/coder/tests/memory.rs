use async_trait::async_trait;
use octollm_core::memory::{CollectionSpec, Embedder, SharedMemory};
use octollm_core::{Error, ErrorKind};

use super::super::MEMORY_COLLECTION;
use super::*;

const FIBONACCI: &str = "def fib(n):\n    return n if n < 2 else fib(n - 1) + fib(n - 2)\n";

fn asks(language: &str, instruction: &str) -> CodeRequest {
    CodeRequest::new(RequestType::Generate, language, instruction)
}

async fn remembering(memory: &SharedMemory, replies: usize) -> (Coder, ScriptedModel) {
    let (coder, model) = coder((0..replies).map(|_| says(FIBONACCI)));
    (coder.with_memory(memory), model)
}

#[tokio::test]
async fn a_solution_is_told_when_something_alike_is_asked_in_the_same_language() {
    let memory = SharedMemory::in_process().await.unwrap();
    let (coder, model) = remembering(&memory, 3).await;
    code(&coder, &asks("python", "Write a function to calculate fibonacci numbers")).await.unwrap();
    code(&coder, &asks("py", "Write a function that calculates a fibonacci number")).await.unwrap();
    code(&coder, &asks("python", "Read a CSV file and draw its columns as bars")).await.unwrap();
    let told: Vec<bool> =
        model.requests().iter().map(|asked| text(asked).contains("return n if n < 2")).collect();
    assert_eq!(told, [false, true, false]);
    assert!(
        text(&model.requests()[1]).contains("<data-1 name=\"earlier_solution\">\nAsked: Write a function to")
    );
}

#[tokio::test]
async fn a_solution_in_another_language_is_not_told() {
    let memory = SharedMemory::in_process().await.unwrap();
    let (coder, model) = remembering(&memory, 1).await;
    code(&coder, &asks("python", "Write a function to calculate fibonacci numbers")).await.unwrap();
    let (other, asked) = super::coder([says("fn fib(n: u32) -> u32 { n }\n")]);
    let other = other.with_memory(&memory);
    code(&other, &asks("rust", "Write a function to calculate fibonacci numbers")).await.unwrap();
    assert_eq!(model.calls(), 1);
    assert!(!text(&asked.requests()[0]).contains("earlier_solution"));
    assert_eq!(memory.vectors.count(MEMORY_COLLECTION).await.unwrap(), 2);
}

#[tokio::test]
async fn the_same_again_replaces_what_was_kept() {
    let memory = SharedMemory::in_process().await.unwrap();
    let (coder, _) = remembering(&memory, 3).await;
    for language in ["python", "Python3", "py"] {
        code(&coder, &asks(language, "Write fibonacci")).await.unwrap();
    }
    assert_eq!(memory.vectors.count(MEMORY_COLLECTION).await.unwrap(), 1);
}

#[tokio::test]
async fn what_is_broken_unchecked_or_long_is_not_kept() {
    let memory = SharedMemory::in_process().await.unwrap();
    let long = format!("x = '{}'\n", "y".repeat(9_000));
    for (language, answer) in [("python", "def f(:\n"), ("cobol", "STOP RUN."), ("python", &long)] {
        let (coder, _) = coder((0..3).map(|_| says(answer)));
        code(&coder.with_memory(&memory), &asks(language, "Do something")).await.unwrap();
    }
    assert_eq!(memory.vectors.count(MEMORY_COLLECTION).await.unwrap(), 0);
}

#[tokio::test]
async fn an_option_turns_it_off() {
    let memory = SharedMemory::in_process().await.unwrap();
    let model = ScriptedModel::in_order([says(FIBONACCI)]);
    let options = CoderOptions { remember: false, ..CoderOptions::default() };
    let coder = Coder::new(Models::new(Arc::new(model)), options).unwrap().with_memory(&memory);
    code(&coder, &generate()).await.unwrap();
    assert_eq!(memory.vectors.spec(MEMORY_COLLECTION).await.unwrap(), None);
}

#[tokio::test]
async fn another_embedder_begins_anew() {
    let memory = SharedMemory::in_process().await.unwrap();
    let other = CollectionSpec { embedder: "another".into(), dimensions: 3 };
    memory.vectors.ensure(MEMORY_COLLECTION, &other).await.unwrap();
    let (coder, _) = remembering(&memory, 1).await;
    code(&coder, &generate()).await.unwrap();
    assert_eq!(memory.vectors.spec(MEMORY_COLLECTION).await.unwrap(), Some(memory.embedder.spec()));
    assert_eq!(memory.vectors.count(MEMORY_COLLECTION).await.unwrap(), 1);
}

/// An embedder whose server is away, or never answers.
struct Away {
    silent: bool,
}

#[async_trait]
impl Embedder for Away {
    fn id(&self) -> &str {
        "away"
    }

    fn dimensions(&self) -> usize {
        3
    }

    fn describe(&self) -> &str {
        "is away"
    }

    async fn embed(&self, _: &[&str]) -> octollm_core::Result<Vec<Vec<f32>>> {
        if self.silent {
            std::future::pending::<()>().await;
        }
        Err(Error::new(ErrorKind::Unavailable, "the embedder is away"))
    }
}

#[tokio::test(start_paused = true)]
async fn without_its_memory_the_work_goes_on() {
    for silent in [false, true] {
        let mut memory = SharedMemory::in_process().await.unwrap();
        memory.embedder = Arc::new(Away { silent });
        let (coder, _) = remembering(&memory, 1).await;
        assert_eq!(code(&coder, &generate()).await.unwrap().code, FIBONACCI);
    }
}
