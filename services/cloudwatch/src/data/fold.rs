//! What becomes of old data: minutes become five minutes, those hours, and hours end. Source: CloudWatch user guide, "CloudWatch
//! metrics concepts" (metrics retention).

use super::block::{Block, Tier};
use super::store::{self, BlockKey, Store};

/// Blocks folded in one turn: between two turns data are taken.
const TURN_BLOCKS_MAX: usize = 100;
/// Series removed in one turn.
const TURN_SERIES_MAX: usize = 1000;

impl Store {
    /// Folds some of what is too old. `next`: up to where the journal was taken. Whether there may be more.
    pub async fn fold(&self, next: u64, now_ms: i64) -> Result<bool, state::Error> {
        let _turn = self.changes.lock().await;
        let mut more = false;
        for tier in Tier::ALL {
            let before = tier.block_of(now_ms - tier.kept_ms());
            let old = store::oldest(&*self.state, tier, before, TURN_BLOCKS_MAX).await?;
            more |= old.len() == TURN_BLOCKS_MAX;
            if old.is_empty() {
                continue;
            }
            // What is in a block and not in the cursor would come again, and find the block gone.
            self.write_in_turn(next).await?;
            for (key, value) in old {
                let block = self.see(|memory| memory.block(&key).cloned());
                let block = block.or_else(|| Block::decode(key.start_ms, &value)).unwrap_or_default();
                self.fold_block(key, &block).await?;
            }
        }
        let gone = self.see(|memory| memory.series_before(now_ms - Tier::Hour.kept_ms()));
        let gone: Vec<_> = gone.into_iter().take(TURN_SERIES_MAX).collect();
        if !gone.is_empty() {
            self.state.commit(gone.iter().map(store::delete_series).collect()).await?;
            let mut memory = self.memory.write().expect("no holder of this lock can panic");
            gone.iter().for_each(|id| memory.forget_series(id));
        }
        Ok(more)
    }

    /// One block, in one commit: the coarser blocks have its data, and it is gone.
    async fn fold_block(&self, key: BlockKey, block: &Block) -> Result<(), state::Error> {
        let mut ops = vec![store::delete(key)];
        let mut targets: Vec<BlockKey> = Vec::new();
        if let Some(tier) = key.tier.next() {
            let mut coarser = std::collections::BTreeMap::<i64, Block>::new();
            for (at_ms, bucket) in &block.buckets {
                let start_ms = tier.block_of(*at_ms);
                let target = match coarser.entry(start_ms) {
                    std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                    std::collections::btree_map::Entry::Vacant(entry) => {
                        let found = self.read_block(BlockKey { tier, start_ms, series: key.series }).await?;
                        entry.insert(found.unwrap_or_default())
                    }
                };
                target.add(tier.bucket_of(*at_ms), bucket);
                target.upto = target.upto.max(block.upto);
            }
            for (start_ms, target) in coarser {
                let target_key = BlockKey { tier, start_ms, series: key.series };
                ops.push(store::put(target_key, target.encode(start_ms).into()));
                targets.push(target_key);
            }
        }
        self.state.commit(ops).await?;
        let mut memory = self.memory.write().expect("no holder of this lock can panic");
        memory.forget(&key);
        targets.iter().for_each(|key| memory.forget(key));
        Ok(())
    }
}
