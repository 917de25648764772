//! Covariances between pairs of coalitions, by tables: equation (10) of docs/estimator.md.
//!
//! Two pairs are compared player by player: the odd part of `product (1 + rho_i s_i t_i)` is half the
//! difference of two products, one over the players whose signs agree, one over those that differ. A
//! group of up to eight players has few ways to differ, so its share is looked up.

use faer::Mat;

/// Players of a group; its ways to differ are the values of a byte.
const GROUP: usize = 8;

/// Signs of the players by group and pair, one bit each.
#[derive(Debug)]
pub(super) struct Groups {
    rows: usize,
    players: usize,
    /// Players of each group but the last.
    width: usize,
    masks: Vec<Vec<u8>>,
}

/// What a group adds to the covariance of two pairs, in units of `product (1 + rho)`.
#[derive(Debug, Clone, Copy)]
struct Share {
    /// `product (1 - rho) / (1 + rho)` over the players that differ: theirs in `product (1 + rho s t)`.
    straight: f64,
    /// The same over the players that agree: as if one pair were turned round.
    turned: f64,
    /// `sum rho s t`
    linear: f64,
}

const NOTHING: Share = Share { straight: 1.0, turned: 1.0, linear: 0.0 };

impl Groups {
    /// `signs`: rows of +1 and -1.
    pub(super) fn new(signs: &Mat<f64>) -> Groups {
        let (rows, players) = (signs.nrows(), signs.ncols());
        let width = players.div_ceil(players.div_ceil(GROUP).max(1)).max(1);
        let mask = |row: usize, group: usize| {
            let members = group * width..players.min((group + 1) * width);
            members.rev().fold(0, |mask, i| mask << 1 | u8::from(signs[(row, i)] < 0.0))
        };
        let masks = (0..players.div_ceil(width)).map(|group| (0..rows).map(|row| mask(row, group)).collect());
        Groups { rows, players, width, masks: masks.collect() }
    }

    /// Number of pairs.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn players(&self) -> usize {
        self.players
    }

    /// Memory that they take.
    pub(super) fn bytes(&self) -> usize {
        self.masks.len() * self.rows
    }

    /// The signs of a player, pair by pair.
    pub(super) fn signs_of_player(&self, player: usize) -> impl Iterator<Item = f64> {
        let bit = player % self.width;
        self.masks[player / self.width].iter().map(move |mask| sign(*mask, bit))
    }

    /// The signs in a pair, player by player.
    pub(super) fn signs_of_row(&self, row: usize) -> impl Iterator<Item = f64> {
        let of_group = move |masks: &Vec<u8>| masks[row];
        self.masks
            .iter()
            .map(of_group)
            .flat_map(|mask| (0..self.width).map(move |bit| sign(mask, bit)))
            .take(self.players)
    }

    /// By row, `product (1 + rho_i s_i) / (1 + rho_i)`, and the same with all signs turned.
    pub(super) fn products(&self, rho: &[f64]) -> impl Iterator<Item = (f64, f64)> {
        let tables: Vec<Vec<Share>> = rho.chunks(self.width).map(table).collect();
        (0..self.rows).map(move |row| {
            let shares = tables.iter().zip(&self.masks).map(|(table, masks)| table[usize::from(masks[row])]);
            shares.fold((1.0, 1.0), |(straight, turned), own| (straight * own.straight, turned * own.turned))
        })
    }

    /// The odd part of `product (1 + rho_i s_i t_i) / (1 + rho_i)` plus `linear` times
    /// `sum rho_i s_i t_i`: the lower triangle, zero above it, in the memory of `room`.
    pub(super) fn covariance(&self, rho: &[f64], linear: f64, room: Mat<f64>) -> Mat<f64> {
        let tables: Vec<Vec<Share>> = rho.chunks(self.width).map(table).collect();
        let mut covariance = room;
        covariance.resize_with(0, 0, |_, _| 0.0);
        covariance.resize_with(self.rows, self.rows, |_, _| 0.0);
        for column in 0..self.rows {
            let entries = &mut covariance.col_as_slice_mut(column)[column..];
            for (row, entry) in (column..).zip(entries) {
                let share = tables.iter().zip(&self.masks).fold(NOTHING, |all, (table, masks)| {
                    let own = table[usize::from(masks[row] ^ masks[column])];
                    Share {
                        straight: all.straight * own.straight,
                        turned: all.turned * own.turned,
                        linear: all.linear + own.linear,
                    }
                });
                *entry = 0.5 * (share.straight - share.turned) + linear * share.linear;
            }
        }
        covariance
    }
}

fn sign(mask: u8, bit: usize) -> f64 {
    if mask >> bit & 1 == 1 { -1.0 } else { 1.0 }
}

/// Shares of a group by which of its players differ.
fn table(rho: &[f64]) -> Vec<Share> {
    let ways = 1 << rho.len();
    let mut table = Vec::with_capacity(ways);
    table.push(Share { linear: rho.iter().sum(), ..NOTHING });
    for r in rho {
        let ratio = (1.0 - r) / (1.0 + r);
        for without in 0..table.len() {
            let Share { straight, linear, .. } = table[without];
            table.push(Share { straight: straight * ratio, turned: 1.0, linear: linear - 2.0 * r });
        }
    }
    for way in 0..ways {
        table[way].turned = table[ways - 1 - way].straight;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covariance_is_the_odd_part_of_the_product_and_the_sum() {
        for players in [1, 2, 7, 8, 9, 14, 17, 40] {
            let sign = |row: usize, i: usize| if (row * 7919 + i * 104_729) % 11 < 5 { -1.0 } else { 1.0 };
            let signs = Mat::from_fn(6, players, sign);
            let rho: Vec<f64> = (0..players).map(|i| 0.02 + 0.9 * i as f64 / players as f64).collect();
            let groups = Groups::new(&signs);
            for row in 0..6 {
                assert!(groups.signs_of_row(row).eq((0..players).map(|i| sign(row, i))));
            }
            for i in 0..players {
                assert!(groups.signs_of_player(i).eq((0..6).map(|row| sign(row, i))));
            }
            // What stood in the room before must not show.
            let room = Mat::from_fn(3, 9, |_, _| 7.0);
            let covariance = groups.covariance(&rho, 0.3, room);
            for column in 0..6 {
                for row in 0..6 {
                    let product = |turn: f64| -> f64 {
                        let both = |i: usize| turn * rho[i] * sign(row, i) * sign(column, i);
                        (0..players).map(|i| (1.0 + both(i)) / (1.0 + rho[i])).product()
                    };
                    let linear: f64 = (0..players).map(|i| rho[i] * sign(row, i) * sign(column, i)).sum();
                    let expected =
                        if row < column { 0.0 } else { (product(1.0) - product(-1.0)) / 2.0 + 0.3 * linear };
                    let error = (covariance[(row, column)] - expected).abs();
                    assert!(error <= 1e-14 * expected.abs().max(1.0), "{players} players: {error}");
                }
            }
        }
    }
}
