//! What a row of data points makes of an alarm. Source: CloudWatch user guide, "Alarm evaluation" and "Configuring how CloudWatch alarms
//! treat missing data", whose tables are the tests.

use super::{Missing, StateValue};

/// What is decided.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The alarm is in this state.
    Is {
        /// The state.
        state: StateValue,
        /// The places of the data points that count, oldest first.
        evaluated: Vec<usize>,
        /// How many missing ones were filled in.
        filled: usize,
    },
    /// The alarm stays as it is.
    Stays,
}

/// Judges the evaluation range: for each period, oldest first, whether its data point breaches; `None` if it is missing.
pub fn judge(range: &[Option<bool>], periods: usize, needed: usize, missing: Missing) -> Verdict {
    let real: Vec<usize> = (0..range.len()).filter(|at| range[*at].is_some()).collect();
    let is_breaching = |at: &&usize| range[**at] == Some(true);
    let state = |is_alarm| if is_alarm { StateValue::Alarm } else { StateValue::Ok };
    if real.len() >= periods {
        let evaluated = real[real.len() - periods..].to_vec();
        let breaching = evaluated.iter().filter(is_breaching).count();
        return Verdict::Is { state: state(breaching >= needed), evaluated, filled: 0 };
    }
    let filled = periods - real.len();
    let breaching = real.iter().filter(is_breaching).count();
    let is_all_breaching = breaching == real.len();
    let decided = |is_alarm| Verdict::Is { state: state(is_alarm), evaluated: real.clone(), filled };
    match missing {
        Missing::Breaching => decided(breaching + filled >= needed),
        Missing::NotBreaching => decided(breaching >= needed),
        _ if breaching >= needed && !real.is_empty() => decided(true),
        Missing::Ignore if is_all_breaching => Verdict::Stays,
        Missing::Missing if real.is_empty() => {
            Verdict::Is { state: StateValue::InsufficientData, evaluated: Vec::new(), filled }
        }
        // "Avoiding premature transitions to alarm state": only once the oldest breaching one is as old as as many as are needed.
        Missing::Missing if is_all_breaching => match range.len() - real[0] >= needed {
            true => decided(true),
            false => Verdict::Stays,
        },
        _ => decided(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `X` breaches, `0` does not, `-` is missing. States: of missing, ignore, breaching, notBreaching.
    fn check(row: &str, needed: usize, states: [Option<StateValue>; 4]) {
        let range: Vec<Option<bool>> = row
            .split(' ')
            .map(|one| match one {
                "X" => Some(true),
                "0" => Some(false),
                _ => None,
            })
            .collect();
        let ways = [Missing::Missing, Missing::Ignore, Missing::Breaching, Missing::NotBreaching];
        for (way, expected) in ways.into_iter().zip(states) {
            let found = match judge(&range, 3, needed, way) {
                Verdict::Is { state, .. } => Some(state),
                Verdict::Stays => None,
            };
            assert_eq!(found, expected, "{row}, {needed} out of 3, {way:?}");
        }
    }

    const OK: Option<StateValue> = Some(StateValue::Ok);
    const ALARM: Option<StateValue> = Some(StateValue::Alarm);
    const UNKNOWN: Option<StateValue> = Some(StateValue::InsufficientData);

    #[test]
    fn the_table_of_three_out_of_three() {
        check("0 - X - X", 3, [OK, OK, OK, OK]);
        check("0 - - - -", 3, [OK, OK, OK, OK]);
        check("- - - - -", 3, [UNKNOWN, None, ALARM, OK]);
        check("0 X X - X", 3, [ALARM, ALARM, ALARM, ALARM]);
        check("- - X - -", 3, [ALARM, None, ALARM, OK]);
    }

    #[test]
    fn the_table_of_two_out_of_three() {
        check("0 - X - X", 2, [ALARM, ALARM, ALARM, ALARM]);
        check("0 0 X 0 X", 2, [ALARM, ALARM, ALARM, ALARM]);
        check("0 - X - -", 2, [OK, OK, ALARM, OK]);
        check("- - - - 0", 2, [OK, OK, ALARM, OK]);
        check("- - - X -", 2, [ALARM, None, ALARM, OK]);
    }

    #[test]
    fn premature_alarms_are_avoided() {
        for row in ["- - - - X", "- - - X -"] {
            let range: Vec<Option<bool>> = row.split(' ').map(|one| (one == "X").then_some(true)).collect();
            assert_eq!(judge(&range, 3, 3, Missing::Missing), Verdict::Stays, "{row}");
        }
    }

    /// What the pages say, the long way: with enough data points the newest of them count; with too few, what is missing is what the
    /// alarm takes it for.
    fn expected(range: &[Option<bool>], periods: usize, needed: usize, missing: Missing) -> Option<StateValue> {
        let mut newest: Vec<bool> = range.iter().rev().flatten().copied().collect();
        newest.truncate(periods);
        let holes = periods - newest.len();
        let breaching = newest.iter().filter(|is| **is).count();
        let as_filled = |fill: bool| {
            let all = breaching + if fill { holes } else { 0 };
            if all >= needed { ALARM } else { OK }
        };
        if holes == 0 {
            return as_filled(false);
        }
        match missing {
            Missing::Breaching => as_filled(true),
            Missing::NotBreaching => as_filled(false),
            Missing::Ignore | Missing::Missing => {
                let is_sure_alarm = as_filled(false) == ALARM;
                let is_sure_ok = newest.iter().any(|is| !is);
                match (is_sure_alarm, is_sure_ok, missing) {
                    (true, ..) => ALARM,
                    (false, true, _) => OK,
                    (false, false, Missing::Ignore) => None,
                    (false, false, _) if newest.is_empty() => UNKNOWN,
                    // All that is there breaches. It is an alarm once the first of it is old enough.
                    _ => {
                        let first = range.iter().position(Option::is_some).unwrap();
                        (first + needed <= range.len()).then_some(StateValue::Alarm)
                    }
                }
            }
        }
    }

    #[test]
    fn every_row_is_judged_as_the_pages_say() {
        let ways = [Missing::Missing, Missing::Ignore, Missing::Breaching, Missing::NotBreaching];
        let mut judged = 0;
        for periods in 1..=4_usize {
            let len = periods + 2;
            for code in 0..3_usize.pow(u32::try_from(len).unwrap()) {
                let of =
                    |at: usize| [None, Some(false), Some(true)][code / 3_usize.pow(u32::try_from(at).unwrap()) % 3];
                let range: Vec<Option<bool>> = (0..len).map(of).collect();
                for (needed, missing) in (1..=periods).flat_map(|needed| ways.map(|way| (needed, way))) {
                    let found = judge(&range, periods, needed, missing);
                    let state = match &found {
                        Verdict::Is { state, .. } => Some(*state),
                        Verdict::Stays => None,
                    };
                    let case = format!("{range:?}, {needed} out of {periods}, {missing:?}");
                    assert_eq!(state, expected(&range, periods, needed, missing), "{case}");
                    if let Verdict::Is { evaluated, filled, .. } = found {
                        assert_eq!(evaluated.len() + filled, periods, "{case}");
                        assert!(evaluated.is_sorted() && evaluated.iter().all(|at| range[*at].is_some()), "{case}");
                    }
                    judged += 1;
                }
            }
        }
        assert_eq!(judged, 4 * (27 + 2 * 81 + 3 * 243 + 4 * 729));
    }
}
