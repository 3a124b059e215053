//! All pages behind one door: each path is of the first who has it.

use std::sync::Arc;

use async_trait::async_trait;
use ports::{PageRequest, PageResponse, PageStep, Pages};

/// See the module. There is at least one.
pub(crate) struct AllPages(pub Vec<Arc<dyn Pages>>);

#[async_trait]
impl Pages for AllPages {
    fn has(&self, path: &str) -> bool {
        self.0.iter().any(|pages| pages.has(path))
    }

    async fn step(&self, request: PageRequest) -> PageStep {
        let found = self.0.iter().find(|pages| pages.has(&request.path)).or(self.0.last());
        found.expect("there is at least one").step(request).await
    }

    fn refusal(&self, is_too_many: bool) -> PageResponse {
        self.0.last().expect("there is at least one").refusal(is_too_many)
    }
}
