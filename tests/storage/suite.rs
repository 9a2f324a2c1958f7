//! The same tests in every place.

macro_rules! suite {
    ($place:ident: $($module:ident { $($test:ident)+ })+) => {
        mod $place {
            $(mod $module {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    crate::$module::$test(crate::place::Place::$place()).await;
                })+
            })+
        }
    };
}

/// What every storage does, and more of it where that is said.
macro_rules! everywhere {
    ($place:ident $($more:tt)*) => {
        suite! { $place:
            states {
                nothing_is_there_at_first
                a_saved_state_is_loaded_again
                the_first_save_has_one_winner
                a_save_on_an_old_revision_is_lost
                an_update_decides_on_what_is_stored
                an_update_that_gives_nothing_saves_nothing
                of_racing_saves_one_wins
                racing_updates_all_count
                automations_do_not_share_rows
                a_large_state_is_kept
            }
            changes {
                a_change_beside_its_base_is_loaded_with_it
                a_change_saved_with_its_base_is_followed_by_others
                a_change_on_an_old_revision_is_lost
                a_kept_state_has_the_change_beside_it
                sealing_anew_replaces_base_and_change
                changes_and_whole_states_go_together
            }
            automations {
                a_deleted_automation_stays_deleted
                deleting_beats_a_save_that_was_on_its_way
                automations_are_listed_page_by_page
                what_is_due_is_listed
                a_time_is_replaced_and_cleared
                an_update_saves_its_time
                a_deleted_automation_is_not_due
            }
            history {
                what_a_run_replaces_first_is_kept
                a_save_that_is_lost_keeps_nothing
                of_each_automation_so_many_runs_are_kept
                saves_with_and_without_something_to_keep_go_together
                a_locked_row_is_kept_too
                a_deleted_automation_has_no_history
                the_history_is_listed_page_by_page
            }
            sealing {
                sealing_anew_changes_the_seal_alone
                a_state_that_moved_on_is_not_sealed_anew
            }
            $($more)*
        }
    };
}

/// What storages do that several hosts can open, one after the other and at once.
macro_rules! lasting {
    ($place:ident) => {
        everywhere! { $place
            hosts {
                another_host_sees_the_history
                a_run_of_several_hosts_is_kept_once
                another_host_sees_what_is_due
                first_saves_of_several_hosts_have_one_winner
                a_state_survives_closing
                a_closed_storage_says_so
                another_host_sees_every_save
                another_host_loses_on_an_old_revision
                racing_updates_of_several_hosts_all_count
                what_was_taken_is_finished_by_closing
            }
        }
    };
}

everywhere! { memory }
lasting! { sqlite }
lasting! { postgres }
