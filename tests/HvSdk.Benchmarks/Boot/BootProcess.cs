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
    private readonly long _start;
    private byte[] _text = new byte[1 << 20];
    private int _count;

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
        Span<byte> text = _text.AsSpan(0, _count);
        int end = text.IndexOf((byte)'\n');
        if (end < 0)
        {
            return null;
        }

        string line = Encoding.Latin1.GetString(text[..end]);
        Remove(end);
        return line;
    }

    /// <summary>Reads the console until a mark.</summary>
    /// <param name="mark">The mark.</param>
    /// <param name="limit">How long to wait; null: as long as a boot may take.</param>
    /// <returns>The age of the process then; null where the mark did not come in time.</returns>
    /// <exception cref="InvalidOperationException">The process ended before.</exception>
    public TimeSpan? WaitFor(string mark, TimeSpan? limit = null)
    {
        byte[] bytes = Encoding.Latin1.GetBytes(mark);
        using var stall = new CancellationTokenSource(limit ?? s_stall);
        int searched = 0;
        try
        {
            for (; ; )
            {
                // What was searched before is not searched again: reading must cost next to nothing beside what is measured.
                int from = int.Max(0, searched - bytes.Length + 1);
                int at = _text.AsSpan(from, _count - from).IndexOf(bytes);
                if (at >= 0)
                {
                    TimeSpan age = Age;
                    Remove(from + at + bytes.Length);
                    return age;
                }

                searched = _count;
                if (_count == _text.Length)
                {
                    Array.Resize(ref _text, 2 * _count);
                }

                int count = _output.ReadAsync(_text.AsMemory(_count), stall.Token).AsTask().GetAwaiter().GetResult();
                if (count == 0)
                {
                    _process.WaitForExit();
                    throw new InvalidOperationException(
                        $"{_process.StartInfo.FileName} ended with {_process.ExitCode} before {mark}: {Errors} {Encoding.Latin1.GetString(_text, 0, _count)}");
                }

                _count += count;
            }
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    private void Remove(int count)
    {
        _text.AsSpan(count, _count - count).CopyTo(_text);
        _count -= count;
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
