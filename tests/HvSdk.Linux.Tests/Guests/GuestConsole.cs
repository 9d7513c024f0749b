using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Text;
using HvSdk.Live;

namespace HvSdk.Linux.Tests.Guests;

/// <summary>The host's end of a guest's serial console: reads what the guest says up to what a test waits for, with a limit, and keeps all of it for failures.</summary>
internal sealed class GuestConsole
{
    private const int ShownOnFailure = 6000;

    private readonly IDuplexPipe _pipe;
    private readonly Lock _gate = new();
    private readonly Task _pump;
    private byte[] _bytes = new byte[64 * 1024];
    private int _count;
    private int _read;
    private bool _isEnded;
    private TaskCompletionSource _changed = NewSignal();

    public GuestConsole(IDuplexPipe pipe)
    {
        _pipe = pipe;
        _pump = PumpAsync();
    }

    /// <summary>All that the guest has said, each byte a character.</summary>
    public string Transcript
    {
        get
        {
            lock (_gate)
            {
                return Encoding.Latin1.GetString(_bytes, 0, _count);
            }
        }
    }

    /// <summary>Waits until the guest has said a text, and gives what it said since the last read up to and with that text.</summary>
    public Task<string> ReadToAsync(string text) => ReadToAsync(text, Limit.Value);

    /// <inheritdoc cref="ReadToAsync(string)"/>
    public async Task<string> ReadToAsync(string text, TimeSpan limit)
    {
        byte[] wanted = Encoding.Latin1.GetBytes(text);
        return Encoding.Latin1.GetString(await ReadAsync(said => said.IndexOf(wanted) is >= 0 and int start ? start + wanted.Length : -1, $"'{text}'", limit));
    }

    /// <summary>Waits for so many bytes.</summary>
    public Task<byte[]> ReadBytesAsync(int count) => ReadAsync(said => said.Length >= count ? count : -1, $"{count} bytes", Limit.Value);

    /// <summary>Waits until the guest's machine has ended, and gives all that it said since the last read.</summary>
    public async Task<string> ReadToEndAsync()
    {
        try
        {
            await _pump.WaitAsync(Limit.Value);
        }
        catch (TimeoutException)
        {
            throw Failure("the end of its output", Limit.Value, Said());
        }

        lock (_gate)
        {
            string rest = Encoding.Latin1.GetString(_bytes, _read, _count - _read);
            _read = _count;
            return rest;
        }
    }

    /// <summary>Types a text.</summary>
    public Task WriteAsync(string text) => WriteAsync(Encoding.Latin1.GetBytes(text));

    /// <summary>Types bytes, as fast as the guest takes them.</summary>
    public async Task WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            await _pipe.Output.WriteAsync(bytes, TestContext.Current.CancellationToken).AsTask().WaitAsync(Limit.Value);
        }
        catch (TimeoutException)
        {
            throw Failure($"the guest to read {bytes.Length} bytes", Limit.Value, Said());
        }
    }

    /// <summary>Whether the guest says a text before it has been silent for a while.</summary>
    public async Task<bool> SaysWithinAsync(string text, TimeSpan time)
    {
        try
        {
            await ReadToAsync(text, time);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private delegate int Finder(ReadOnlySpan<byte> said);

    private async Task<byte[]> ReadAsync(Finder find, string what, TimeSpan limit)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                int length = find(_bytes.AsSpan(_read, _count - _read));
                if (length >= 0)
                {
                    byte[] result = _bytes.AsSpan(_read, length).ToArray();
                    _read += length;
                    return result;
                }

                changed = _isEnded ? throw new EndOfStreamException($"{what} did not come, and its machine has ended. {Said()}") : _changed.Task;
            }

            TimeSpan left = limit - Stopwatch.GetElapsedTime(start);
            try
            {
                await changed.WaitAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, TestContext.Current.CancellationToken);
            }
            catch (TimeoutException)
            {
                throw Failure(what, limit, Said());
            }
        }
    }

    private async Task PumpAsync()
    {
        while (true)
        {
            ReadResult result = await _pipe.Input.ReadAsync();
            lock (_gate)
            {
                Append(result.Buffer);
                _isEnded = result.IsCompleted;
                _changed.TrySetResult();
                _changed = NewSignal();
            }

            _pipe.Input.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                return;
            }
        }
    }

    private void Append(in ReadOnlySequence<byte> said)
    {
        int needed = _count + (int)said.Length;
        if (needed > _bytes.Length)
        {
            Array.Resize(ref _bytes, int.Max(needed, 2 * _bytes.Length));
        }

        said.CopyTo(_bytes.AsSpan(_count));
        _count = needed;
    }

    private static TimeoutException Failure(string what, TimeSpan waited, string said) => new($"Waited {waited.TotalSeconds:F1} s for {what}. {said}");

    private string Said()
    {
        string transcript = Transcript;
        string shown = transcript.Length <= ShownOnFailure ? transcript : $"(...){transcript[^ShownOnFailure..]}";
        return $"The guest has said {transcript.Length} bytes:{Environment.NewLine}{shown}";
    }
}
