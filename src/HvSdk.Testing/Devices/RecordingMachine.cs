using HvSdk.Devices;

namespace HvSdk.Testing;

/// <summary>A machine that does nothing but remember what a device asked of it, the first first.</summary>
public sealed class RecordingMachine : IMachineControl
{
    private readonly List<string> _requests = [];

    /// <summary>The names of the members that were called; <see cref="IMachineControl.Exit"/> with its code: "Exit 3".</summary>
    public IReadOnlyList<string> Requests
    {
        get
        {
            lock (_requests)
            {
                return [.. _requests];
            }
        }
    }

    /// <inheritdoc/>
    public void PowerOff() => Add(nameof(PowerOff));

    /// <inheritdoc/>
    public void Reset() => Add(nameof(Reset));

    /// <inheritdoc/>
    public void ReportPanic() => Add(nameof(ReportPanic));

    /// <inheritdoc/>
    public void Exit(int code) => Add(FormattableString.Invariant($"{nameof(Exit)} {code}"));

    private void Add(string request)
    {
        lock (_requests)
        {
            _requests.Add(request);
        }
    }
}
