using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using HvSdk.Devices.Virtio;
using HvSdk.Live;

namespace HvSdk.Linux.Tests.Guests;

/// <summary>Debian's passt in a process of its own, which is a guest's whole network: it speaks for the guest on sockets of an ordinary user.</summary>
internal sealed class Passt : IDisposable
{
    private const string Program = "/usr/bin/passt";
    private const string Tier = "guests";

    private static int s_count;
    private readonly Process _process;
    private readonly string _socket;

    private Passt(Process process, string socket)
    {
        _process = process;
        _socket = socket;
    }

    /// <summary>Starts it, or skips the test where it is not installed.</summary>
    /// <param name="port">A port of the host's that is the guest's; null: none.</param>
    public static Passt Start(int? port = null)
    {
        if (!File.Exists(Program))
        {
            LiveHypervisor.SkipOrFail(Tier, $"{Program} is not there. tests/nested/install.sh installs Debian's package.");
        }

        string socket = $"/tmp/hvsdk-passt-{Environment.ProcessId}-{Interlocked.Increment(ref s_count)}";
        string ports = port?.ToString(CultureInfo.InvariantCulture) ?? "none";
        Process process = Process.Start(new ProcessStartInfo(Program, ["--foreground", "--ipv4-only", "--tcp-ports", ports, "--udp-ports", "none", "--socket", socket]) { RedirectStandardError = true })!;
        return new Passt(process, socket);
    }

    /// <summary>Connects to it, as soon as it listens.</summary>
    public async Task<StreamNetwork> ConnectAsync()
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                return StreamNetwork.Connect(_socket);
            }
            catch (SocketException e)
            {
                if (_process.HasExited || Stopwatch.GetElapsedTime(start) > Limit.Value)
                {
                    _process.Kill();
                    throw new InvalidOperationException($"passt does not listen: {e.Message} It said: {await _process.StandardError.ReadToEndAsync()}");
                }

                await Task.Delay(100);
            }
        }
    }

    /// <summary>Stops it, as a debugger would: its socket stays open, and nobody reads.</summary>
    public Task SuspendAsync() => SignalAsync("-STOP");

    /// <summary>Lets it go on.</summary>
    public Task ResumeAsync() => SignalAsync("-CONT");

    /// <summary>Ends it, without a word to the other side.</summary>
    public void Kill() => _process.Kill();

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        File.Delete(_socket);
    }

    private async Task SignalAsync(string signal)
    {
        CommandResult result = await Command.RunAsync(new ProcessStartInfo("kill", [signal, _process.Id.ToString(CultureInfo.InvariantCulture)]), Limit.Value);
        Assert.Equal(0, result.ExitCode);
    }
}
