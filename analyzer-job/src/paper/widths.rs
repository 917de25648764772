//! How the columns of a table share its width.

/// What a column asks for, inset included.
pub(super) struct Wish {
    pub least: f32,
    pub natural: f32,
    /// Takes of the room that is left.
    pub fills: bool,
}

/// Shares a width: what does not fill has its natural width if that leaves the others their least.
pub(super) fn share(wishes: &[Wish], width: f32) -> Vec<f32> {
    let sum = |part: fn(&Wish) -> f32, fills: bool| -> f32 {
        wishes.iter().filter(|wish| wish.fills == fills).map(part).sum()
    };
    let (least, natural) = (sum(|wish| wish.least, false), sum(|wish| wish.natural, false));
    let room = width - sum(|wish| wish.least, true);
    let give = if natural > least { ((room - least) / (natural - least)).clamp(0.0, 1.0) } else { 1.0 };
    let mut widths: Vec<f32> =
        wishes.iter().map(|wish| wish.least + (wish.natural - wish.least) * give).collect();

    let others: f32 =
        wishes.iter().zip(&widths).filter(|(wish, _)| !wish.fills).map(|(_, width)| width).sum();
    let mut rest = (width - others).max(0.0);
    // The modest first, so that what they leave goes to the others.
    let mut filling: Vec<usize> = (0..wishes.len()).filter(|place| wishes[*place].fills).collect();
    filling.sort_by(|a, b| wishes[*a].natural.total_cmp(&wishes[*b].natural));
    let spare = (rest - sum(|wish| wish.natural, true)).max(0.0) / filling.len().max(1) as f32;
    for (done, place) in filling.iter().enumerate() {
        let fair = rest / (filling.len() - done) as f32;
        let wish = &wishes[*place];
        widths[*place] = (wish.natural + spare).min(fair.max(wish.least)).max(wish.least.min(fair));
        rest = (rest - widths[*place]).max(0.0);
    }
    // More columns than a page can hold: narrow all, down to letters one below the other.
    let total: f32 = widths.iter().sum();
    if total > width {
        for one in &mut widths {
            *one *= width / total;
        }
    }
    widths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(least: f32, natural: f32, fills: bool) -> Wish {
        Wish { least, natural, fills }
    }

    #[test]
    fn what_fills_takes_the_rest() {
        assert_eq!(share(&[wish(20.0, 30.0, false), wish(10.0, 300.0, true)], 100.0), [30.0, 70.0]);
        assert_eq!(share(&[wish(20.0, 30.0, false), wish(20.0, 25.0, false)], 100.0), [30.0, 25.0]);
    }

    #[test]
    fn the_modest_leave_their_part_to_the_others() {
        assert_eq!(share(&[wish(10.0, 90.0, true), wish(10.0, 20.0, true)], 100.0), [80.0, 20.0]);
    }

    #[test]
    fn columns_give_way_down_to_their_least_and_then_all_alike() {
        assert_eq!(share(&[wish(20.0, 120.0, false), wish(40.0, 80.0, true)], 100.0), [60.0, 40.0]);
        assert_eq!(share(&[wish(100.0, 100.0, false), wish(100.0, 100.0, false)], 100.0), [50.0, 50.0]);
    }
}
