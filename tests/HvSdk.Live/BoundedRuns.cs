namespace HvSdk.Live;

/// <summary>Runs of a vCPU that end: a guest that does not leave within the <see cref="Limit"/> is cancelled, and the test fails.</summary>
public static class BoundedRuns
{
    /// <summary><see cref="Vcpu.RunOnce"/>, bounded.</summary>
    /// <param name="vcpu">The vCPU.</param>
    /// <param name="limit">The limit; null: <see cref="Limit.Value"/>.</param>
    public static VcpuExit RunOnceBounded(this Vcpu vcpu, TimeSpan? limit = null)
    {
        using var watchdog = new Watchdog(vcpu, limit ?? Limit.Value);
        VcpuExit exit = vcpu.RunOnce();
        watchdog.ThrowIfExceeded("the guest's next exit");
        return exit;
    }

    /// <summary><see cref="Vcpu.Run(CancellationToken)"/>, bounded.</summary>
    /// <param name="vcpu">The vCPU.</param>
    public static VcpuExit RunBounded(this Vcpu vcpu)
    {
        using var watchdog = new Watchdog(vcpu, Limit.Value);
        VcpuExit exit = vcpu.Run(CancellationToken.None);
        watchdog.ThrowIfExceeded("the guest's run to end");
        return exit;
    }

    /// <summary><see cref="Vcpu.Run{THandler}(ref THandler, CancellationToken)"/>, bounded.</summary>
    /// <typeparam name="THandler">The handler's type.</typeparam>
    /// <param name="vcpu">The vCPU.</param>
    /// <param name="handler">The handler.</param>
    public static VcpuExit RunBounded<THandler>(this Vcpu vcpu, scoped ref THandler handler)
        where THandler : IVcpuHandler, allows ref struct
    {
        using var watchdog = new Watchdog(vcpu, Limit.Value);
        VcpuExit exit = vcpu.Run(ref handler, CancellationToken.None);
        watchdog.ThrowIfExceeded("the guest's run with a handler to end");
        return exit;
    }

    private sealed class Watchdog : IDisposable
    {
        private readonly Vcpu _vcpu;
        private readonly Timer _timer;
        private readonly object _gate = new();
        private bool _isOver;
        private bool _isExceeded;

        public Watchdog(Vcpu vcpu, TimeSpan limit)
        {
            _vcpu = vcpu;
            _timer = new Timer(static state => ((Watchdog)state!).Bark(), this, limit, Timeout.InfiniteTimeSpan);
        }

        public void ThrowIfExceeded(string what)
        {
            lock (_gate)
            {
                _isOver = true;
                if (_isExceeded)
                {
                    throw Limit.Exceeded($"{what} (vCPU {_vcpu.Index}, {_vcpu.Statistics.Exits} exits so far, {DescribePlace()})");
                }
            }
        }

        public void Dispose()
        {
            lock (_gate)
            {
                _isOver = true;
            }

            _timer.Dispose();
        }

        /// <summary>Never after the run is over: a cancellation is sticky and would end the next one.</summary>
        private void Bark()
        {
            lock (_gate)
            {
                if (!_isOver)
                {
                    _isExceeded = true;
                    _vcpu.Cancel();
                }
            }
        }

        private string DescribePlace()
        {
            try
            {
                return _vcpu.Partition.Capabilities.Architecture == GuestArchitecture.X64
                    ? $"RIP 0x{_vcpu.X64.GetRegisters().Rip:X}"
                    : $"PC 0x{_vcpu.Arm64.GetRegisters().Pc:X}";
            }
            catch (ObjectDisposedException)
            {
                return "disposed of";
            }
        }
    }
}
