using System.Diagnostics;
using HvSdk.Backends;
using HvSdk.Buses;
using HvSdk.Diagnostics;

namespace HvSdk;

/// <content>Running, exits, cancellation.</content>
public sealed partial class Vcpu
{
    private const int CancelRequested = 1;
    private const int TokenRequested = 2;

    private BusCursor _portCursor;
    private BusCursor _mmioCursor;
    private int _requests;
    private bool _isRunning;
    private bool _accessPending;

    /// <summary>The last exit that the caller got, as <see cref="VcpuExit.CopyTo"/> lays it out.</summary>
    private byte[] _detached = [];
    private int _answerLength;
    private bool _isAnswerOpen;

    /// <summary>Runs the guest until it leaves for any reason, port and MMIO accesses among them, and returns with that exit.</summary>
    /// <returns>The exit. A read is answered through <see cref="VcpuExit.Data"/>; the next run completes it. Buses are not asked.</returns>
    /// <remarks>To stop it by a token, register <see cref="Cancel"/> with the token.</remarks>
    /// <exception cref="InvalidOperationException">Another thread created the vCPU, or it is running: a handler cannot run it.</exception>
    /// <exception cref="ObjectDisposedException">The vCPU or its partition was disposed of.</exception>
    /// <exception cref="HypervisorException">The host refused to run it.</exception>
    public VcpuExit RunOnce()
    {
        using RunScope run = BeginRun();
        while (true)
        {
            Enter(out VcpuExit exit);
            if (exit.Kind != VcpuExitKind.Canceled || TakeRequest(default))
            {
                return Detach(exit);
            }
        }
    }

    /// <summary>Runs the guest; the partition's buses complete its accesses. Returns with the first exit that is not theirs.</summary>
    /// <param name="cancellationToken">Ends the run. The vCPU stays usable.</param>
    /// <returns>What ended the run: never a port or MMIO access.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled. After <see cref="Cancel"/> the run returns <see cref="VcpuExitKind.Canceled"/> instead.</exception>
    /// <exception cref="InvalidOperationException">Another thread created the vCPU, or it is running: a handler cannot run it.</exception>
    /// <exception cref="ObjectDisposedException">The vCPU or its partition was disposed of.</exception>
    /// <exception cref="HypervisorException">The host refused to run it.</exception>
    public VcpuExit Run(CancellationToken cancellationToken = default)
    {
        NoHandler handler = default;
        return Run(ref handler, cancellationToken);
    }

    /// <summary>Runs the guest; each exit goes to the handler first, and accesses that it leaves go to the partition's buses.</summary>
    /// <typeparam name="THandler">The handler's type; a struct costs no virtual call.</typeparam>
    /// <param name="handler">The handler.</param>
    /// <param name="cancellationToken">Ends the run. The vCPU stays usable.</param>
    /// <returns>What ended the run.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled. After <see cref="Cancel"/> the run returns <see cref="VcpuExitKind.Canceled"/> instead.</exception>
    /// <exception cref="InvalidOperationException">Another thread created the vCPU, or it is running: a handler cannot run it.</exception>
    /// <exception cref="ObjectDisposedException">The vCPU or its partition was disposed of.</exception>
    /// <exception cref="HypervisorException">The host refused to run it.</exception>
    public VcpuExit Run<THandler>(scoped ref THandler handler, CancellationToken cancellationToken = default)
        where THandler : IVcpuHandler, allows ref struct
    {
        using RunScope run = BeginRun();
        using Activity? activity = HvSdkActivities.StartRun(this);
        cancellationToken.ThrowIfCancellationRequested();
        CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(static state => ((Vcpu)state!).Request(TokenRequested), this);
        try
        {
            while (true)
            {
                Enter(out VcpuExit exit);
                if (exit.Kind == VcpuExitKind.Canceled)
                {
                    if (TakeRequest(cancellationToken))
                    {
                        return exit;
                    }
                }
                else if (!Complete(ref handler, exit))
                {
                    return Detach(exit);
                }
            }
        }
        finally
        {
            // The registration's callback has ended when Dispose returns: its request cannot reach the next run.
            registration.Dispose();
            if (cancellationToken.CanBeCanceled)
            {
                Interlocked.And(ref _requests, ~TokenRequested);
            }
        }
    }

    /// <summary>
    /// Makes the current run, or else the next one, return <see cref="VcpuExitKind.Canceled"/>. Sticky: it is never lost, whenever it comes.
    /// Several calls before that return are one. Any thread; nothing happens once the vCPU is disposed of.
    /// </summary>
    public void Cancel() => Request(CancelRequested);

    /// <summary>Completes the access that an exit left open, so that the vCPU's state is that of an instruction boundary.</summary>
    /// <remarks>An access that is one of several of its instruction may bring the next ones; the partition's buses answer them.</remarks>
    internal void CompletePendingAccess()
    {
        if (!_accessPending)
        {
            return;
        }

        VcpuExit exit;
        NoHandler handler = default;
        do
        {
            _backend.Kick();
            Enter(out exit);
        }
        while (exit.Kind != VcpuExitKind.Canceled && Complete(ref handler, exit));

        // The kick above may have swallowed one that was meant for the next run.
        if (Volatile.Read(ref _requests) != 0)
        {
            _backend.Kick();
        }
    }

    /// <summary>
    /// Copies an exit into managed memory, for the caller: the host's exit block goes when another thread disposes of the vCPU, whoever still
    /// looks at it. What the caller answers is put back before the next entry.
    /// </summary>
    private VcpuExit Detach(scoped in VcpuExit exit)
    {
        if (_detached.Length < exit.CopySize)
        {
            _detached = new byte[exit.CopySize];
        }

        _isAnswerOpen = exit.CanBeAnswered;
        VcpuExit copy = exit.CopyTo(_detached, out _answerLength);
        return copy;
    }

    private void GiveAnswer()
    {
        _isAnswerOpen = false;
        _backend.AnswerAccess(_detached.AsSpan(0, _answerLength), _detached[_answerLength] != 0);
    }

    private void Enter(out VcpuExit exit)
    {
        if (_isAnswerOpen)
        {
            GiveAnswer();
        }

        _backend.Enter(out exit);
        _counters.CountExit(exit.Kind);
        _accessPending = exit.IsAccess;
        if (_accessPending && !exit.IsWrite)
        {
            // The open bus: what nobody answers reads as all ones, never as what an earlier access left in the exit block.
            exit.Data.Fill(0xFF);
        }
    }

    /// <summary>Gives an exit to the handler and then to the buses.</summary>
    /// <returns>True to enter the guest again.</returns>
    private bool Complete<THandler>(scoped ref THandler handler, in VcpuExit exit)
        where THandler : IVcpuHandler, allows ref struct
    {
        ExitDisposition disposition = handler.Handle(exit);
        if (disposition != ExitDisposition.NotHandled)
        {
            return disposition == ExitDisposition.Handled;
        }

        switch (exit.Kind)
        {
            case VcpuExitKind.PortRead or VcpuExitKind.PortWrite:
                Dispatch(_partition.Ports, ref _portCursor, exit.Port, exit);
                return true;
            case VcpuExitKind.MmioRead or VcpuExitKind.MmioWrite:
                Dispatch(_partition.Mmio, ref _mmioCursor, exit.Address, exit);
                return true;
            default:
                return false;
        }
    }

    private void Dispatch(DeviceBus bus, ref BusCursor cursor, ulong address, in VcpuExit exit)
    {
        Span<byte> data = exit.Data;
        int size = data.Length / exit.Count;
        BusWindow? window = cursor.Find(bus, address, size);
        for (; !data.IsEmpty; data = data[size..])
        {
            Span<byte> one = data[..size];
            if (exit.IsWrite)
            {
                if (bus.TryRing(address, one))
                {
                    continue;
                }

                if (window is null)
                {
                    _counters.CountUnhandledWrite();
                }

                window?.Device.Write(address - window.Address, one);
            }
            else
            {
                if (window is null)
                {
                    _counters.CountUnhandledRead();
                }

                window?.Device.Read(address - window.Address, one);
            }
        }
    }

    private void Request(int request)
    {
        // The flag first, then the kick: a vCPU that leaves the guest for another reason finds the flag. Whoever sets the first one kicks.
        if (Interlocked.Or(ref _requests, request) == 0)
        {
            _counters.CountKick();
            Kick();
        }
    }

    /// <summary>Decides whether a Canceled exit was asked for: hosts also leave the guest for nothing.</summary>
    private bool TakeRequest(CancellationToken cancellationToken)
    {
        int requests = Interlocked.Exchange(ref _requests, 0);
        if ((requests & CancelRequested) != 0)
        {
            return true;
        }

        if ((Volatile.Read(ref _state) & Disposed) != 0)
        {
            return true;
        }

        if ((requests & TokenRequested) != 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
        }

        return false;
    }

    private RunScope BeginRun()
    {
        bool isOutermost = BeginUse();
        if (_isRunning)
        {
            throw new InvalidOperationException(
                $"vCPU {Index} of {_partition.Name} is running. A handler returns to the run that called it; it cannot start another.");
        }

        _isRunning = true;
        t_runs++;
        return new RunScope(this, isOutermost);
    }

    private readonly ref struct RunScope(Vcpu vcpu, bool isOutermost)
    {
        public void Dispose()
        {
            t_runs--;
            vcpu._isRunning = false;
            if (isOutermost)
            {
                vcpu.EndUse();
            }
        }
    }

    private readonly struct NoHandler : IVcpuHandler
    {
        public ExitDisposition Handle(in VcpuExit exit) => ExitDisposition.NotHandled;
    }
}
