//! Contents that no row names: a crash came between storing and committing them. They are looked for once after a start, some at a time,
//! among what earlier processes left; what this process makes is never touched.

use std::collections::HashSet;
use std::sync::PoisonError;

use ports::Unavailable;

use crate::part::FOLDER;
use crate::stores::{Inner, Stores, failed};

/// Objects listed at a time.
const LIST_PAGE: usize = 1_000;

/// How far it is.
pub(crate) struct Sweep {
    /// What rows named when the process began. What was dropped since is removed by whoever dropped it.
    named: HashSet<String>,
    after: Option<String>,
}

impl Sweep {
    pub(crate) fn of(inner: &Inner) -> Sweep {
        let parts = inner.stores.values().flat_map(|store| store.parts.values());
        Sweep { named: parts.flat_map(|(_, part)| part.object_names()).collect(), after: None }
    }
}

impl Stores {
    /// Does some of it. Says whether there may be more.
    pub(crate) async fn sweep(&self) -> Result<bool, Unavailable> {
        let kept = || self.sweep.lock().unwrap_or_else(PoisonError::into_inner);
        let after = match &*kept() {
            Some(sweep) => sweep.after.clone(),
            None => return Ok(false),
        };
        let page = self.shelf.objects.list(FOLDER, after.as_deref(), LIST_PAGE).await;
        let page = page.map_err(|error| failed("listing the parts of event stores", error))?;
        let Some(last) = page.last().map(|info| info.name.clone()) else {
            *kept() = None;
            return Ok(true);
        };
        let gone: Vec<String> = {
            let guard = kept();
            let is_named = |name: &String| guard.as_ref().is_some_and(|sweep| sweep.named.contains(name));
            page.into_iter().map(|info| info.name).filter(|name| !self.is_ours(name) && !is_named(name)).collect()
        };
        if !gone.is_empty() {
            self.delete(&gone).await?;
        }
        if let Some(sweep) = kept().as_mut() {
            sweep.after = Some(last);
        }
        Ok(true)
    }
}
