using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>Where a guest spins: hosts leave privilege levels in different ways.</summary>
public enum SpinAt
{
    Kernel,
    User,
}

/// <summary>Guests that do not leave by themselves.</summary>
internal static class SpinningGuest
{
    /// <summary>Says once that it is done (<see cref="Guest.DonePlace"/>), and then jumps to itself for ever.</summary>
    public static TestProgram Create(SpinAt place) => Guest.Program(
        static g =>
        {
            g.Done();
            g.Jump(g.MarkHere());
        },
        place == SpinAt.User ? 3 : 0);

    /// <summary>Starts the guest on a thread of its own, and returns once it spins, or is about to.</summary>
    /// <param name="machine">The machine; its vCPU 0 does not exist yet.</param>
    /// <param name="place">Where the guest spins.</param>
    /// <param name="run">Runs the vCPU once the guest is past its write, on that thread.</param>
    public static (Vcpu Vcpu, Task<TResult> Run) Start<TResult>(TestMachine machine, SpinAt place, Func<Vcpu, TResult> run)
    {
        TestProgram program = Create(place);
        program.LoadInto(machine.Memory);
        var ready = new TaskCompletionSource<Vcpu>(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<TResult> task = machine.Partition.RunVcpuAsync(0, (vcpu, _) =>
        {
            program.Start(vcpu);
            VcpuExit exit = vcpu.RunOnceBounded();
            if (!exit.IsDone())
            {
                exit.ThrowUnexpected();
            }

            ready.SetResult(vcpu);
            return run(vcpu);
        });
        task.ContinueWith(failed => ready.TrySetException(failed.Exception!.InnerExceptions), TaskContinuationOptions.OnlyOnFaulted);
        return (Limit.Await(ready.Task, "the guest to spin"), task);
    }
}
