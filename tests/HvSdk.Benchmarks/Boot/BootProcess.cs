using System.Diagnostics;
using System.Text;

namespace HvSdk.Benchmarks.Boot;

/// <summary>A contender's process, whose guest's console is its standard output.</summary>
internal sealed class BootProcess : IDisposable
{
    /// <summary>Several times what the slowest takes. Who is not there by then sits idle and will for long.</summary>
    private static readonly TimeSpan s_stall = TimeSpan.FromSeconds(20);

    private readonly Process _process;
    private readonly Stream _output;
    private readonly StringBuilder _text = new();
    private readonly byte[] _buffer = new byte[16384];
    private readonly long _start;

    private BootProcess(Process process, long start)
    {
        _process = process;
        _start = start;
        _output = process.StandardOutput.BaseStream;
        process.ErrorDataReceived += (_, line) => Errors += line.Data;
        process.BeginErrorReadLine();
    }

    public string Errors { get; private set; } = "";

    public int Id => _process.Id;

    public TimeSpan Age => Stopwatch.GetElapsedTime(_start);

    /// <summary>Processor time that it has used so far.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    public static BootProcess Start(BootContender contender, string commandLine)
    {
        var start = new ProcessStartInfo(contender.Program, [.. contender.Arguments, .. contender.WithCommandLine(commandLine)])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        long timestamp = Stopwatch.GetTimestamp();
        return new BootProcess(Process.Start(start) ?? throw new InvalidOperationException($"{contender.Program} did not start."), timestamp);
    }

    /// <summary>The rest of the line that was read last; it must have come whole.</summary>
    public string? ReadLine()
    {
        string text = _text.ToString();
        int end = text.IndexOf('\n', StringComparison.Ordinal);
        if (end < 0)
        {
            return null;
        }

        _text.Remove(0, end);
        return text[..end];
    }

    /// <summary>Reads the console until a mark.</summary>
    /// <param name="mark">The mark.</param>
    /// <param name="limit">How long to wait; null: as long as a boot may take.</param>
    /// <returns>The age of the process then; null where the mark did not come in time.</returns>
    /// <exception cref="InvalidOperationException">The process ended before.</exception>
    public TimeSpan? WaitFor(string mark, TimeSpan? limit = null)
    {
        using var stall = new CancellationTokenSource(limit ?? s_stall);
        try
        {
            int at;
            while ((at = _text.ToString().IndexOf(mark, StringComparison.Ordinal)) < 0)
            {
                int count = _output.ReadAsync(_buffer, stall.Token).AsTask().GetAwaiter().GetResult();
                if (count == 0)
                {
                    throw new InvalidOperationException($"{_process.StartInfo.FileName} ended before {mark}: {Errors} {_text}");
                }

                _text.Append(Encoding.Latin1.GetString(_buffer, 0, count));
            }

            TimeSpan age = Age;
            _text.Remove(0, at + mark.Length);
            return age;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
