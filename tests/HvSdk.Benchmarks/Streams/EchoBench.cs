using System.Diagnostics;
using System.IO.Pipes;

namespace HvSdk.Benchmarks.Streams;

/// <summary>Measures a pair of streams whose other side gives back what it gets.</summary>
internal static class EchoBench
{
    private const int PieceLength = 1 << 18;
    private const int WarmUpTrips = 200;

    /// <summary>Sends bytes on a thread of its own, and takes them back.</summary>
    /// <returns>MiB/s there, and as many back.</returns>
    public static double MeasureStream(Stream output, Stream input, int length)
    {
        byte[] sent = new byte[PieceLength];
        byte[] received = new byte[PieceLength];
        long start = Stopwatch.GetTimestamp();
        var sender = new Thread(() =>
        {
            for (int done = 0; done < length; done += sent.Length)
            {
                output.Write(sent);
            }
        });
        sender.Start();
        for (int done = 0; done < length;)
        {
            int count = input.Read(received, 0, int.Min(received.Length, length - done));
            done += count > 0 ? count : throw new InvalidOperationException($"The other side has ended after {done} bytes of {length}.");
        }

        sender.Join();
        return length / (double)(1 << 20) / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>Sends a byte and waits for it, again and again.</summary>
    /// <returns>Round trips per second.</returns>
    public static double MeasureRoundTrips(Stream output, Stream input, int count)
    {
        byte[] one = new byte[1];
        long start = 0;
        for (int i = 0; i < WarmUpTrips + count; i++)
        {
            start = i == WarmUpTrips ? Stopwatch.GetTimestamp() : start;
            output.Write(one);
            output.Flush();
            input.ReadExactly(one);
        }

        return count / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>Both by two pipes of the host's, with a thread at their other ends.</summary>
    public static (double Mebibytes, double RoundTrips) MeasurePipe(int length, int trips)
    {
        using var there = new AnonymousPipeServerStream(PipeDirection.Out);
        using var back = new AnonymousPipeServerStream(PipeDirection.In);
        using var otherInput = new AnonymousPipeClientStream(PipeDirection.In, there.ClientSafePipeHandle);
        using var otherOutput = new AnonymousPipeClientStream(PipeDirection.Out, back.ClientSafePipeHandle);
        var echo = new Thread(() =>
        {
            byte[] bytes = new byte[PieceLength];
            while (otherInput.Read(bytes) is > 0 and int count)
            {
                otherOutput.Write(bytes, 0, count);
            }
        });
        echo.Start();
        (double, double) measured = (MeasureStream(there, back, length), MeasureRoundTrips(there, back, trips));
        there.Dispose();
        echo.Join();
        return measured;
    }
}
