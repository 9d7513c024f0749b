namespace HvSdk.Live;

/// <summary>A vCPU that runs a program on a thread of its own until it is stopped.</summary>
public sealed class BackgroundGuest : IDisposable
{
    private readonly Task<VcpuExitKind> _run;
    private readonly TaskCompletionSource<Vcpu> _created = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Creates the vCPU and starts it. The program is in memory already.</summary>
    /// <param name="partition">The partition.</param>
    /// <param name="index">Index of the vCPU.</param>
    /// <param name="program">What it runs.</param>
    /// <param name="handler">Sees its exits first; null: the buses alone.</param>
    public BackgroundGuest(Partition partition, int index, TestProgram program, IVcpuHandler? handler = null)
    {
        ArgumentNullException.ThrowIfNull(partition);
        ArgumentNullException.ThrowIfNull(program);
        _run = partition.RunVcpuAsync(index, (vcpu, _) =>
        {
            program.Start(vcpu);
            _created.SetResult(vcpu);
            return handler is null ? vcpu.Run(CancellationToken.None).Kind : vcpu.Run(ref handler, CancellationToken.None).Kind;
        });
        Limit.Await(Task.WhenAny(_created.Task, _run), "the vCPU to be created");
        Vcpu = _created.Task.IsCompleted ? _created.Task.Result : throw _run.Exception!.InnerException!;
    }

    /// <summary>The vCPU: to be cancelled and looked at.</summary>
    public Vcpu Vcpu { get; }

    /// <summary>The run has ended, of itself or by <see cref="Stop"/>.</summary>
    public bool HasEnded => _run.IsCompleted;

    /// <summary>Fails with the reason where the run has ended of itself.</summary>
    public void ThrowIfEnded()
    {
        if (_run.IsCompleted)
        {
            throw new InvalidOperationException($"The guest should run on, and left with {_run.GetAwaiter().GetResult()}.");
        }
    }

    /// <summary>Cancels the run and waits for its end.</summary>
    /// <returns>The exit that ended it.</returns>
    public VcpuExitKind Stop()
    {
        Vcpu.Cancel();
        return Limit.Await(_run, "the cancelled vCPU to return");
    }

    /// <summary>Ends the run, if nobody has; its exception, if any, was for <see cref="Stop"/>.</summary>
    public void Dispose()
    {
        Vcpu.Cancel();
        if (!((IAsyncResult)_run).AsyncWaitHandle.WaitOne(Limit.Value))
        {
            throw Limit.Exceeded("the cancelled vCPU to return");
        }
    }
}
