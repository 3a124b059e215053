//! What whoever runs a gateway gives it of the machine around it. All of it can be left out, as tests and simulators do.

use std::sync::Arc;

use ports::{Figures, Secret};

use crate::space::Space;

/// See the module.
#[derive(Clone, Default)]
pub struct Outside {
    /// The file system that holds what calls change.
    pub space: Option<Arc<dyn Space>>,
    /// What opens `/metrics`; without it there is no such path.
    pub metrics_token: Option<Secret>,
    /// Figures of the process.
    pub figures: Vec<Arc<dyn Figures>>,
}

impl std::fmt::Debug for Outside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Outside { space, metrics_token, figures } = self;
        f.debug_struct("Outside")
            .field("space", &space.is_some())
            .field("metrics_token", metrics_token)
            .field("figures", &figures.len())
            .finish()
    }
}
